// Scores and agreement against NLTK and scikit-learn; scorers.py made the file. Published values stand beside them.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { cohenKappa, krippendorffAlpha } from '../../experiments/statistics/agreement.js'
import { brierScore, expectedCalibrationError } from '../../experiments/statistics/calibration.js'
import { confusionOf } from '../../experiments/statistics/confusion.js'
import { passAtK, passHatK } from '../../experiments/statistics/pass-at-k.js'
import { bleuOf } from '../../experiments/statistics/corpus.js'
import { bleuStatistics, sentenceBleu, tokenize13a } from '../../experiments/text-figures/bleu.js'
import { editSimilarity, rougeN } from '../../workers/scorers/text-overlap.js'

const numbers = z.array(z.number())
const averages = z.object({ precision: z.number(), recall: z.number(), f1: z.number() })
const golden = z
  .object({
    bleu: z.object({ answers: z.array(z.string()), references: z.array(z.array(z.string())), corpus: z.number(), sentences: numbers }),
    edit: z.array(z.tuple([z.string(), z.string(), z.number()])),
    confusion: z.object({ labels: z.array(z.string()), truth: z.array(z.string()), given: z.array(z.string()), matrix: z.array(numbers), precision: numbers, recall: numbers, f1: numbers, support: numbers, macro: averages }),
    agreement: z.object({ kappa: z.number(), weightedKappa: z.number(), ratings: z.array(z.array(z.number().nullable())), alphaNominal: z.number(), alphaInterval: z.number() }),
    calibration: z.object({ probabilities: numbers, outcomes: numbers, brier: z.number(), ece: z.number() }),
  })
  .parse(JSON.parse(readFileSync(new URL('scorers.json', import.meta.url), 'utf8')))

describe('BLEU', () => {
  const summed = (parts: readonly number[][]): number[] => (parts[0] ?? []).map((_, place) => parts.reduce((sum, part) => sum + (part[place] ?? 0), 0))
  const { answers, references, corpus, sentences } = golden.bleu

  it('of a corpus and of sentences is that of NLTK', () => {
    expect(bleuOf(summed(answers.map((answer, index) => bleuStatistics(answer, references[index] ?? [])))) / 100).toBeCloseTo(corpus, 12)
    // NLTK has no effective order, which these sentences are long enough not to need; without any match it gives 0 as well.
    answers.forEach((answer, index) => expect(sentenceBleu(answer, references[index] ?? []), answer).toBeCloseTo(sentences[index] ?? Number.NaN, 12))
  })

  it('of the example in sacreBLEU’s documentation is 48.53', () => {
    const said = ['The dog bit the man.', "It wasn't surprising.", 'The man had just bitten him.']
    const wanted = [
      ['The dog bit the man.', 'The dog had bit the man.'],
      ['It was not unexpected.', 'No one was surprised.'],
      ['The man bit him first.', 'The man had bitten the dog.'],
    ]
    const parts = said.map((answer, index) => bleuStatistics(answer, wanted[index] ?? []))
    expect(bleuOf(summed(parts))).toBeCloseTo(48.530827009929865, 10)
    expect(summed(parts).slice(0, 2)).toEqual([17, 18])
  })

  it('falls with a short answer, as the brevity penalty asks', () => {
    expect(sentenceBleu('the cat sat on', ['the cat sat on the mat by the'])).toBeCloseTo(Math.exp(1 - 8 / 4), 12)
    expect([sentenceBleu('', ['a b']), sentenceBleu('x y z', ['a b c']), sentenceBleu('same words here now', ['same words here now'])]).toEqual([0, 0, 1])
  })

  it('parts words from marks as mteval does', () => {
    expect(tokenize13a('Hello, world! It costs $1,234.56 (or 10-15%).')).toEqual(['Hello', ',', 'world', '!', 'It', 'costs', '$', '1,234.56', '(', 'or', '10', '-', '15', '%', ')', '.'])
    expect(tokenize13a('AT&amp;T &quot;rocks&quot;')).toEqual(['AT', '&', 'T', '"', 'rocks', '"'])
  })
})

describe('overlap and distance', () => {
  it('ROUGE-1 and ROUGE-2 count what is shared as often as both have it', () => {
    // 1-grams: "the cat the" of 4 and 5; 2-grams: "the cat" of 3 and 4.
    expect(rougeN('the cat ate the', 'the cat the dog barked', 1)).toBeCloseTo((2 * 3) / 9, 12)
    expect(rougeN('the cat ate the', 'the cat the dog barked', 2)).toBeCloseTo((2 * 1) / 7, 12)
    expect([rougeN('', '', 1), rougeN('one', 'one', 2), rougeN('a b', 'a b', 2)]).toEqual([0, 0, 1])
  })

  it.each(golden.edit)('edit similarity of %j and %j is NLTK’s %d', (left, right, similarity) => {
    expect(editSimilarity(left, right)).toBeCloseTo(similarity, 12)
  })
})

describe('labels', () => {
  const { labels, truth, given, matrix, precision, recall, f1, support, macro } = golden.confusion

  it('confusion, precision, recall and F1 are scikit-learn’s', () => {
    const confusion = confusionOf(truth.map((label, index) => ({ truth: label, given: given[index] ?? null })), labels)
    expect(confusion.matrix).toEqual(matrix.map((row) => [...row, 0]))
    expect(confusion.quality.map(({ n }) => n)).toEqual(support)
    confusion.quality.forEach((quality, index) => {
      expect([quality.precision, quality.recall, quality.f1]).toEqual([precision[index], recall[index], f1[index]].map((value) => expect.closeTo(value ?? Number.NaN, 12)))
    })
    expect(confusion.macroF1).toBeCloseTo(macro.f1, 12)
  })

  it('an answer without a label costs recall only', () => {
    const { matrix: counts, quality } = confusionOf([{ truth: 'a', given: null }, { truth: 'a', given: 'a' }, { truth: 'a', given: 'other' }], ['a', 'b'])
    expect(counts).toEqual([[1, 0, 2], [0, 0, 0]])
    expect(quality).toEqual([{ label: 'a', n: 3, precision: 1, recall: 1 / 3, f1: 0.5 }, { label: 'b', n: 0, precision: null, recall: null, f1: null }])
    expect(() => confusionOf([{ truth: 'c', given: null }], ['a'])).toThrow(/label "c"/)
  })
})

describe('agreement and calibration', () => {
  const { kappa, weightedKappa, ratings, alphaNominal, alphaInterval } = golden.agreement

  it('kappa is scikit-learn’s', () => {
    expect(cohenKappa(golden.confusion.truth, golden.confusion.given)).toBeCloseTo(kappa, 12)
    expect(cohenKappa([1, 2, 3, 3, 2, 2, 4, 1, 2], [1, 3, 3, 3, 2, 3, 4, 2, 2], 'interval')).toBeCloseTo(weightedKappa, 12)
    expect(cohenKappa(['a', 'a'], ['a', 'a'])).toBeNaN()
    expect(() => cohenKappa(['a'], [])).toThrow(RangeError)
  })

  it('alpha is NLTK’s, and the published 0.743 and 0.849', () => {
    expect(krippendorffAlpha(ratings)).toBeCloseTo(alphaNominal, 12)
    expect(krippendorffAlpha(ratings, 'interval')).toBeCloseTo(alphaInterval, 12)
    expect([krippendorffAlpha(ratings).toFixed(3), krippendorffAlpha(ratings, 'interval').toFixed(3)]).toEqual(['0.743', '0.849'])
  })

  it('Brier score and calibration error are scikit-learn’s', () => {
    const { probabilities, outcomes, brier, ece } = golden.calibration
    const forecasts = probabilities.map((probability, index) => ({ probability, isRight: outcomes[index] === 1 }))
    expect(brierScore(forecasts)).toBeCloseTo(brier, 12)
    expect(expectedCalibrationError(forecasts)).toBeCloseTo(ece, 12)
    expect(() => expectedCalibrationError([{ probability: 1.2, isRight: true }])).toThrow(/1.2/)
  })

  it('pass@k counts draws without putting back', () => {
    // 5 answers, 2 right, 2 drawn: 1 − (3·2)/(5·4) = 0.7 at least one, (2·1)/(5·4) = 0.1 both.
    expect([passAtK(5, 2, 2), passHatK(5, 2, 2)]).toEqual([expect.closeTo(0.7, 12), expect.closeTo(0.1, 12)])
    expect([passAtK(3, 0, 3), passAtK(3, 1, 3), passHatK(3, 3, 3), passHatK(3, 2, 3)]).toEqual([0, 1, 1, 0])
    expect(() => passAtK(2, 1, 3)).toThrow(/k = 3/)
  })
})
