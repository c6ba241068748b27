import { describe, expect, it } from 'vitest'
import type { CostBasis, Example } from '../server/contracts/index.js'
import { costBasisOfColumns } from './answer-costs.js'
import { breakEvenErrorCost, costBasisOf, expectedCost } from './expected-cost.js'
import { columnsOf } from './score-columns.js'
import { randomWords } from './statistics/random.js'
import { summarizeCost, summarizeMetric } from './summary.js'

const basis = (fields: Partial<CostBasis> = {}): CostBasis => ({
  n: 50,
  errorRate: { mean: 0.1, low: 0.0435, high: 0.2136 },
  costPer1000Usd: { mean: 2, low: 1.8, high: 2.2 },
  correlation: 0,
  ...fields,
})

const answer = (item: number, accuracy: number, costUsd: number | null, fields: Partial<Example> = {}): Example => ({
  itemId: `i${item}`, cluster: null, input: '', output: '', target: null, status: 'scored', scores: { accuracy }, error: null, latencyMs: null, ttftMs: null, tokensIn: null, tokensOut: null, costUsd, details: {}, ...fields,
})

describe('expectedCost', () => {
  it('adds errors at their price, with the interval recovered from both parts', () => {
    const cost = expectedCost(basis(), 0.5)
    expect(cost).toMatchObject({ per1000Usd: 52, answersUsd: 2, errorsUsd: 50, covers: 'errors and answers' })
    expect(cost?.low).toBeCloseTo(52 - Math.hypot(0.2, 500 * (0.1 - 0.0435)), 10)
    expect(cost?.high).toBeCloseTo(52 + Math.hypot(0.2, 500 * (0.2136 - 0.1)), 10)
  })

  it('is the widest where the correlation is not known, and as wide as the costs alone where errors are free', () => {
    const widest = expectedCost(basis({ correlation: null }), 0.5)
    expect(widest?.low).toBeCloseTo(1.8 + 500 * 0.0435, 10)
    expect(widest?.high).toBeCloseTo(2.2 + 500 * 0.2136, 10)
    expect(expectedCost(basis(), 0)).toMatchObject({ per1000Usd: 2, low: 1.8, high: expect.closeTo(2.2, 12) as number })
  })

  it('is unknown where the cost of answers is, and says when their spread is not in the interval', () => {
    expect(expectedCost(basis({ costPer1000Usd: null }), 0.5)).toBeNull()
    expect(expectedCost(basis({ costPer1000Usd: { mean: 2, low: null, high: null } }), 0.5)).toMatchObject({ covers: 'errors', low: expect.closeTo(52 - 28.25, 10) as number })
    expect(() => expectedCost(basis(), -1)).toThrow('an error cannot cost -1 dollars')
  })

  it('covers the true cost in nearly 95 of 100 samples, dear wrong answers included', () => {
    const next = randomWords(7)
    const draw = (): number => next() / 2 ** 32
    const [n, errors, trials] = [80, 0.12, 600]
    const truth = 1000 * (0.002 + 0.002 * errors) + 1000 * errors * 0.01
    let covered = 0
    for (let trial = 0; trial < trials; trial++) {
      const examples = Array.from({ length: n }, (_, item) => {
        const isWrong = draw() < errors
        return answer(item, isWrong ? 0 : 1, 0.001 + 0.002 * draw() + (isWrong ? 0.002 : 0))
      })
      const cost = expectedCost(costBasisOf({ metrics: { accuracy: summarizeMetric('accuracy', examples) }, ...summarizeCost(examples) }, 'accuracy') ?? basis(), 0.01)
      if ((cost?.low ?? Infinity) <= truth && truth <= (cost?.high ?? -Infinity)) covered++
    }
    expect(covered / trials).toBeGreaterThan(0.925)
    expect(covered / trials).toBeLessThan(0.98)
  })

  it('finds the price of an error at which two runs cost the same', () => {
    const cheap = basis({ errorRate: { mean: 0.2, low: 0.1, high: 0.3 }, costPer1000Usd: { mean: 1, low: 1, high: 1 } })
    expect(breakEvenErrorCost(basis(), cheap)).toBeCloseTo(0.01, 12)
    expect(expectedCost(basis(), 0.01)?.per1000Usd).toBeCloseTo(expectedCost(cheap, 0.01)?.per1000Usd ?? 0, 12)
    expect(breakEvenErrorCost(basis(), basis({ costPer1000Usd: { mean: 1, low: 1, high: 1 } }))).toBeNull()
  })
})

describe('the basis of a run', () => {
  const examples = Array.from({ length: 40 }, (_, item) => answer(item, item % 4 === 0 ? 0 : 1, item % 4 === 0 ? 0.003 : 0.001 + 0.0001 * (item % 3)))

  it('is the same from the summary and from the answers', () => {
    const summary = { metrics: { accuracy: summarizeMetric('accuracy', examples) }, ...summarizeCost(examples) }
    const told = costBasisOf(summary, 'accuracy')
    expect(told).toMatchObject({ n: 40, errorRate: { mean: 0.25 } })
    expect(told?.correlation).toBeGreaterThan(0.9)
    const read = costBasisOfColumns('accuracy', columnsOf(examples, 'accuracy'), summary.metrics.accuracy)
    expect(read?.costPer1000Usd?.mean).toBeCloseTo(told?.costPer1000Usd?.mean ?? 0, 9)
    expect(read?.costPer1000Usd?.high).toBeCloseTo(told?.costPer1000Usd?.high ?? 0, 9)
    expect(read?.correlation).toBeCloseTo(told?.correlation ?? 0, 9)
    expect(read?.errorRate).toEqual(told?.errorRate)
  })

  it('has no cost where one is not known, and none at all for a metric that tells no errors', () => {
    const gap = [...examples, answer(40, 1, null)]
    expect(costBasisOf({ metrics: { accuracy: summarizeMetric('accuracy', gap) }, ...summarizeCost(gap) }, 'accuracy')?.costPer1000Usd).toBeNull()
    expect(costBasisOfColumns('accuracy', columnsOf(gap, 'accuracy'), summarizeMetric('accuracy', gap))?.costPer1000Usd).toBeNull()
    const losses = examples.map((example) => ({ ...example, scores: { loss: 0.5 } }))
    expect(costBasisOf({ metrics: { loss: summarizeMetric('loss', losses) }, ...summarizeCost(losses) }, 'loss')).toBeNull()
  })

  it('knows the mean cost of summaries that kept no spread', () => {
    const { costCorrelation: _, ...accuracy } = summarizeMetric('accuracy', examples)
    expect(costBasisOf({ metrics: { accuracy }, costUsd: 0.08 }, 'accuracy')).toMatchObject({ costPer1000Usd: { mean: 2, low: null, high: null }, correlation: null })
  })

  it('takes clusters together, and has no correlation where all answers cost the same', () => {
    const clustered = examples.map((example, item) => ({ ...example, cluster: `c${item % 5}` }))
    const plain = summarizeCost(examples).costPerAnswer
    const joined = summarizeCost(clustered).costPerAnswer
    expect(joined?.mean).toBe(plain?.mean)
    expect(joined?.high).not.toBeCloseTo(plain?.high ?? 0, 6)
    expect(summarizeMetric('accuracy', examples.map((example) => ({ ...example, costUsd: 0.1 }))).costCorrelation).toBeNull()
  })
})
