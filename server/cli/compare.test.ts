import { expect, it } from 'vitest'
import type { Comparison, PairedTest } from '../contracts/index.js'
import { markdown, report } from './compare.js'
import { table } from './format.js'

const test: PairedTest = {
  runId: 'b', baselineId: 'a', n: 100, difference: 0.15, low: 0.03, high: 0.26, p: 0.017, pAdjusted: 0.017, method: 'mcnemar-exact', wins: 25, losses: 10, ties: 65, correlation: 0.2, minimumDetectable: 0.16,
  verdict: 'better', sentence: 'B is better.', nonInferiority: { margin: 0.02, p: 0.001, pAdjusted: 0.001, verdict: 'not worse', sentence: 'B is not worse than A by 2.0 points.' },
  costBasis: null, expectedCost: null,
}
const run = { experimentName: 'E', kind: 'prompt', status: 'succeeded', colorSlot: 0, summary: { mean: 0.7, n: 100, low: 0.6, high: 0.78, method: 'wilson', higherIsBetter: true }, latencyP50Ms: 12, latency: null, costUsd: null, costBasis: null, expectedCost: null, paretoOptimal: true, pareto: 'front', runIds: [], answerVariance: null } as const
const comparison: Comparison = {
  metric: 'accuracy', metrics: ['accuracy'], higherIsBetter: true, baselineId: 'a', correction: 'holm', margin: 0.02, errorCostUsd: null, repeats: 'apart', hasRepeats: false, sentence: 'B is better.', best: { runIds: ['b'], sentence: 'B is the best of 2 runs.' },
  runs: [{ ...run, id: 'a', name: 'A|x', runIds: ['a'] }, { ...run, id: 'b', name: 'B', runIds: ['b'] }], tests: [test], warnings: ['Careful.'], examples: [], totalExamples: 100,
}

it('says the finding first, then n, interval, p, wins, what could be found, and the cautions', () => {
  const text = report(comparison, table)
  expect(text.startsWith('B is better.\n\nB is the best of 2 runs.\n\nB is not worse than A by 2.0 points.\n\n')).toBe(true)
  expect(text).toMatch(/B +100 {2}0\.150 \[0\.030, 0\.260\] {2}25\/10\/65 +0\.017 +0\.160 {2}better +not worse/)
  expect(text.endsWith('Note: Careful.')).toBe(true)
})

it('tells what 1,000 requests cost with their errors, and their difference, where an error has a price', () => {
  const cost = { errorCostUsd: 0.5, per1000Usd: 152, low: 110.4, high: 201, answersUsd: 2, errorsUsd: 150, covers: 'errors and answers' } as const
  const saved = { ...cost, per1000Usd: -75, low: -130, high: 4 }
  const text = report({ ...comparison, errorCostUsd: 0.5, runs: comparison.runs.map((one) => ({ ...one, expectedCost: one.id === 'b' ? null : cost })), tests: [{ ...test, expectedCost: saved }] }, table)
  expect(text).toContain('per 1,000 at $0.50 an error [95 %]')
  expect(text).toMatch(/^a .*front +\$152\.00 \[\$110\.40, \$201\.00\]$/m)
  expect(text).toMatch(/^b .*front +unknown$/m)
  expect(text).toMatch(/^B .*not worse +−\$75\.00 \[−\$130\.00, \$4\.00\]$/m)
})

it('draws tables for Markdown, and keeps their bars apart from those of names', () => {
  expect(report(comparison, markdown)).toContain('| a | E · A\\|x | 0.700 [0.600, 0.780] n=100 | no | 12 ms | unknown | front |')
  expect(markdown(['a', 'b'], [['1', '2']], new Set([1]))).toBe('| a | b |\n| --- | ---: |\n| 1 | 2 |')
})
