import { describe, expect, it } from 'vitest'
import { calibrationAnswer, calibrationErrorOf, confusionAnswer, macroF1Of, type LabelAnswer } from './analysis.js'
import { expectedCalibrationError } from './statistics/calibration.js'
import { confusionOf } from './statistics/confusion.js'

const answer = (truth: string, given: string | null, fields: Partial<LabelAnswer> = {}): LabelAnswer => ({ truth, given, cluster: null, logLikelihoods: null, ...fields })
const many = (n: number, one: LabelAnswer): LabelAnswer[] => Array.from({ length: n }, () => one)

describe('confusion', () => {
  const answers = [...many(45, answer('spam', 'spam')), ...many(3, answer('spam', 'ham')), ...many(2, answer('spam', null)), ...many(40, answer('ham', 'ham')), ...many(10, answer('ham', 'spam'))]

  it('counts answers without a label apart, and gives each share its n and interval', () => {
    const confusion = confusionAnswer(answers)
    expect(confusion).toMatchObject({ labels: ['ham', 'spam'], matrix: [[40, 10, 0], [3, 45, 2]], n: 100, accuracy: { value: 0.85, n: 100 } })
    const spam = confusion?.quality[1]
    expect(spam?.recall).toMatchObject({ value: 0.9, n: 50, low: expect.closeTo(0.7864, 4) as number, high: expect.closeTo(0.9565, 4) as number })
    expect(spam?.precision).toMatchObject({ value: 45 / 55, n: 55 })
    expect(spam?.f1).toBeCloseTo(90 / 105, 12)
    expect(confusion?.macroF1.value).toBeCloseTo((80 / 93 + 90 / 105) / 2, 12)
    expect(confusion?.macroF1.low).toBeLessThan(confusion?.macroF1.value ?? 0)
    expect(confusion?.macroF1.high).toBeGreaterThan(confusion?.macroF1.value ?? 1)
  })

  it('keeps labels that nobody gave or has, as the model was offered them', () => {
    const confusion = confusionAnswer([answer('b', 'b', { logLikelihoods: { c: -3, b: -1, a: -2 } }), answer('b', 'a', { logLikelihoods: { c: -3, b: -2, a: -1 } })])
    expect(confusion?.labels).toEqual(['c', 'b', 'a'])
    expect(confusion?.quality[0]).toEqual({ label: 'c', n: 0, precision: null, recall: null, f1: null })
    expect(confusion?.quality[2]).toMatchObject({ n: 0, precision: { value: 0, n: 1 }, recall: null })
  })

  it('is not there without answers, nor for texts that are all different', () => {
    expect(confusionAnswer([])).toBeNull()
    expect(confusionAnswer(Array.from({ length: 120 }, (_, item) => answer(`${item}`, `${item}`)))).toBeNull()
  })
})

describe('calibration', () => {
  const told = (isRight: boolean, probability: number, cluster: string | null = null): LabelAnswer =>
    answer(isRight ? 'yes' : 'no', 'yes', { cluster, logLikelihoods: { yes: Math.log(probability) - 7, no: Math.log(1 - probability) - 7 } })
  const answers = [...many(80, told(true, 0.8)), ...many(20, told(false, 0.8))]

  it('takes the probability of the label given among all labels', () => {
    const calibration = calibrationAnswer(answers)
    expect(calibration).toMatchObject({ n: 100, ece: { value: expect.closeTo(0, 9) as number }, brier: { value: expect.closeTo(0.8 * 0.04 + 0.2 * 0.64, 9) as number } })
    expect(calibration?.bins[7]).toMatchObject({ from: 0.7, to: 0.8, n: 100, confidence: expect.closeTo(0.8, 9) as number, accuracy: { value: 0.8, n: 100 } })
    expect(calibration?.bins[0]).toEqual({ from: 0, to: 0.1, n: 0, confidence: null, accuracy: null })
  })

  it('finds a model that is surer than right', () => {
    const calibration = calibrationAnswer([...many(60, told(true, 0.95)), ...many(40, told(false, 0.95))])
    expect(calibration?.ece.value).toBeCloseTo(0.35, 9)
    expect(calibration?.ece.low).toBeGreaterThan(0.2)
    expect(calibration?.ece.high).toBeLessThan(0.5)
  })

  it('draws the items of a cluster together, and knows nothing where no likelihood was told', () => {
    const clustered = answers.map((one, item) => ({ ...one, cluster: `c${Math.floor(item / 25)}` }))
    const width = (figure: { low: number | null; high: number | null } | undefined): number => (figure?.high ?? NaN) - (figure?.low ?? NaN)
    expect(width(calibrationAnswer(clustered)?.brier)).toBeGreaterThan(1.5 * width(calibrationAnswer(answers)?.brier))
    expect(calibrationAnswer([answer('a', 'a')])).toBeNull()
    expect(calibrationAnswer([answer('a', 'a', { logLikelihoods: { a: NaN } })])).toBeNull()
  })
})

describe('figures of drawn items', () => {
  const labels = ['a', 'b', 'c']
  const answers = Array.from({ length: 30 }, (_, item) => {
    const truth = labels[item % 3] ?? ''
    const given = item % 7 === 0 ? null : (labels[(item * item) % 3] ?? '')
    return answer(truth, given, { logLikelihoods: { a: -1 - (item % 5) / 3, b: -1.5, c: -2 + (item % 4) / 2 } })
  })
  const drawn = Int32Array.from({ length: 40 }, (_, item) => (item * 11) % 30)
  const written = Array.from(drawn, (item) => answers[item]).filter((one) => one !== undefined)

  it('are those of the same answers written out', () => {
    expect(macroF1Of(answers, labels)(drawn)).toBeCloseTo(confusionOf(written, labels).macroF1, 12)
    const forecasts = answers.map(({ given, truth }, item) => ({ probability: 0.34 + (item % 13) / 20, isRight: given === truth }))
    const same = Array.from(drawn, (item) => forecasts[item]).filter((one) => one !== undefined)
    expect(calibrationErrorOf(forecasts)(drawn)).toBeCloseTo(expectedCalibrationError(same), 12)
  })
})
