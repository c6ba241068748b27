import { describe, expect, test } from 'vitest'
import { METRICS } from '../../experiments/metrics.js'
import { contains, exactMatch, tokenF1 } from './answer-match.js'
import { accuracyOf, labelInAnswer, mostLikelyLabel } from './classification.js'
import { lastNumber, numericMatch } from './numeric.js'
import { ANSWER_SCORERS, scoreAnswer } from './score-answer.js'
import { chrF } from '../../experiments/text-figures/chrf.js'
import { rougeL } from './text-overlap.js'

describe('labels', () => {
  const labels = ['spam', 'ham', 'not spam']

  test.each([
    ['spam', 'spam'],
    [' Spam.\n', 'spam'],
    ['I would say it is ham!', 'ham'],
    ['This is not spam', 'not spam'],
    ['spam or ham', null],
    ['a hamster', null],
    ['', null],
  ])('%j names %j', (answer, label) => {
    expect(labelInAnswer(answer, labels)).toBe(label)
  })

  test('single letters are labels, not articles', () => {
    expect(labelInAnswer('A', ['A', 'B'])).toBe('A')
  })

  test('the most likely label wins, the first of equals, never a NaN', () => {
    expect(mostLikelyLabel(['a', 'b', 'c'], [-3, -1, -2])).toBe('b')
    expect(mostLikelyLabel(['a', 'b'], [-1, -1])).toBe('a')
    expect(mostLikelyLabel(['a', 'b'], [Number.NaN, -9])).toBe('b')
    expect(mostLikelyLabel(['a', 'b'], [Number.NaN, Number.NaN])).toBeNull()
    expect([accuracyOf('a', 'a'), accuracyOf('b', 'a'), accuracyOf(null, 'a')]).toEqual([1, 0, 0])
  })
})

describe('short answers', () => {
  test.each([
    ['The Eiffel Tower!', 'eiffel tower', 'en', 1],
    ['o Rio de Janeiro', 'Rio de Janeiro', 'pt', 1],
    ['o Rio de Janeiro', 'Rio de Janeiro', 'en', 0],
    ['Sao Paulo', 'São Paulo', 'pt', 0],
  ])('%j against %j (%s): exact match %d', (answer, target, language, score) => {
    expect(exactMatch(answer, target, language)).toBe(score)
  })

  test('containment counts whole words', () => {
    expect(contains('It was in Paris, France.', 'paris', 'en')).toBe(1)
    expect(contains('Parisian', 'paris', 'en')).toBe(0)
  })

  test('token F1 is that of SQuAD', () => {
    // words: {quick, brown, fox} against {brown, fox, jumps, high}: 2 shared, P = 2/3, R = 2/4.
    expect(tokenF1('the quick brown fox', 'a brown fox jumps high', 'en')).toBeCloseTo((2 * (2 / 3) * (2 / 4)) / (2 / 3 + 2 / 4), 12)
    expect(tokenF1('fox fox', 'fox', 'en')).toBeCloseTo(2 / 3, 12)
    expect([tokenF1('', '', 'en'), tokenF1('the', '', 'en'), tokenF1('', 'x', 'en')]).toEqual([1, 1, 0])
  })
})

describe('longer answers', () => {
  test('ROUGE-L is the F1 of the longest common subsequence', () => {
    // "the cat on the mat" is common: 5 of 6 words on either side.
    expect(rougeL('The cat sat on the mat.', 'the cat was on the mat')).toBeCloseTo(5 / 6, 12)
    expect([rougeL('', 'a'), rougeL('b', 'a'), rougeL('coração', 'coração')]).toEqual([0, 0, 1])
  })

  test('chrF2 averages over the orders that both texts reach', () => {
    // P = 1 at every order; R = 3/4, 2/3, 1/2 at orders 1, 2, 3.
    const recall = (3 / 4 + 2 / 3 + 1 / 2) / 3
    expect(chrF('cat', 'cats')).toBeCloseTo((5 * recall) / (4 + recall), 12)
    expect([chrF('the same text', 'the same text'), chrF('abc', 'xyz'), chrF('', 'x')]).toEqual([1, 0, 0])
  })
})

describe('numbers', () => {
  test.each([
    ['so the answer is 1,234.50', 'en', 1234.5],
    ['o resultado é 1.234,50', 'pt', 1234.5],
    ['1,000', 'en', 1000],
    ['1,000', 'pt', 1],
    ['1.000', 'pt', 1000],
    ['3.14', 'pt', 3.14],
    ['R$ 0,75', 'pt', 0.75],
    ['1.234.567', 'en', 1234567],
    ['minus −5 it is', 'en', -5],
    ['between 10-15', 'en', 15],
    ['#### 42.', 'en', 42],
    ['none', 'en', null],
  ])('the last number of %j (%s) is %j', (text, language, value) => {
    expect(lastNumber(text, language)).toBe(value)
  })

  test('a target without a number has no numeric match', () => {
    expect([numericMatch('5 then 7', '7', 'en'), numericMatch('seven', '7', 'en'), numericMatch('7', 'seven', 'en')]).toEqual([1, 0, null])
  })
})

test('every score an answer can get is a metric of the product', () => {
  expect(Object.keys(ANSWER_SCORERS).filter((id) => METRICS[id] === undefined)).toEqual([])
  expect(scoreAnswer('Paris', 'Paris', 'en')).toEqual({ exact_match: 1, contains: 1, token_f1: 1, rouge_1: 1, rouge_2: 0, rouge_l: 1, bleu: 1, chrf: 1, edit_similarity: 1 })
})
