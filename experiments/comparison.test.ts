import { describe, expect, it } from 'vitest'
import { ComparisonSchema, type Run } from '../server/contracts/index.js'
import { type ComparedExample, compareRuns } from './comparison.js'
import { paretoFront } from './pareto.js'

function run(id: string, fields: Partial<Run> = {}): Run {
  return {
    id, name: id, experimentId: 'e', experimentName: 'Exp', kind: 'prompt', cell: 0, repeat: 0, seed: 1, params: {}, varied: {}, dataset: 'd', status: 'succeeded', attempt: 1,
    progress: null, summary: null, error: null, environment: null, pickedStep: null, colorSlot: 0, worker: null, latest: {}, createdAt: '', startedAt: null, finishedAt: null, ...fields,
  }
}

function example(item: number, scores: ComparedExample['scores'], fields: Partial<ComparedExample> = {}): ComparedExample {
  return { itemId: `i${item}`, cluster: null, input: `q${item}`, output: 'o', target: 't', status: 'scored', scores, latencyMs: 10, ttftMs: null, tokensIn: 1, tokensOut: 1, costUsd: null, ...fields }
}

const accuracies = (n: number, right: (item: number) => boolean) => Array.from({ length: n }, (_, item) => example(item, { accuracy: right(item) ? 1 : 0 }))

describe('compareRuns', () => {
  const baseline = { run: run('A'), examples: accuracies(100, (item) => item < 70) }
  const better = { run: run('B'), examples: accuracies(100, (item) => item < 60 || item >= 75) }

  it('tells the finding in a sentence with interval, n and p', () => {
    const comparison = compareRuns({ metric: 'accuracy', baselineId: 'A', runs: [baseline, better] })
    expect(ComparisonSchema.parse(comparison)).toEqual(comparison)
    expect(comparison.sentence).toMatch(/^B is better than A on Accuracy by 15\.0 points \(95 % interval \d+\.\d to \d+\.\d; n = 100 paired items; p = 0\.017, McNemar\)\.$/)
    expect(comparison.tests[0]).toMatchObject({ runId: 'B', n: 100, wins: 25, losses: 10, ties: 65, verdict: 'better', method: 'mcnemar-exact' })
    expect(comparison.runs.map(({ id, paretoOptimal }) => [id, paretoOptimal])).toEqual([['A', false], ['B', true]])
    expect(comparison.warnings).toEqual([])
  })

  it('says what could have been found when nothing was', () => {
    const same = { run: run('B'), examples: accuracies(100, (item) => item < 68 || item === 80) }
    const { sentence, tests } = compareRuns({ metric: 'accuracy', baselineId: 'A', runs: [baseline, same] })
    expect(tests[0]?.verdict).toBe('not distinguishable')
    expect(sentence).toMatch(/^B and A are not distinguishable on Accuracy: difference -1\.0 points \(.*p = 1\.000, McNemar\); a true difference of \d\.\d points would be found in 80 % of such comparisons\.$/)
  })

  it('corrects for the number of runs, and warns of the winner’s curse', () => {
    const rivals = ['C', 'D', 'E'].map((id) => ({ run: run(id), examples: baseline.examples }))
    const comparison = compareRuns({ metric: 'accuracy', baselineId: 'A', runs: [baseline, better, ...rivals] })
    expect(comparison.tests[0]?.pAdjusted).toBeCloseTo(4 * 0.01667384780012071, 10)
    expect(comparison.tests[0]?.verdict).toBe('not distinguishable')
    expect(comparison.sentence).toContain('Of 4 runs against A, 0 better, 0 worse and 4 not distinguishable. Best: B')
    expect(comparison.warnings.join()).toContain('winner’s curse')
  })

  it('takes a lower loss for better', () => {
    const losses = (shift: number) => Array.from({ length: 40 }, (_, item) => example(item, { loss: 1 + (item % 5) / 10 + shift + (item % 3) / 100 * Math.sign(shift) }))
    const { tests, sentence } = compareRuns({ metric: 'loss', baselineId: 'A', runs: [{ run: run('A'), examples: losses(0) }, { run: run('B'), examples: losses(-0.2) }] })
    expect(tests[0]).toMatchObject({ verdict: 'better', wins: 40, losses: 0, method: 'permutation' })
    expect(sentence).toContain('B is better than A on Loss by 0.210 nats/token, lower (95 % interval 0.20')
  })

  it('pairs only what both scored, and says what it left out', () => {
    const partial = [...accuracies(50, () => true), example(50, {}, { status: 'error' }), example(51, { accuracy: 'NaN' }), example(200, { accuracy: 1 })]
    const comparison = compareRuns({ metric: 'accuracy', baselineId: 'A', runs: [baseline, { run: run('B', { status: 'running' }), examples: partial }] })
    expect(comparison.tests[0]?.n).toBe(50)
    expect(comparison.warnings).toEqual([
      'B and A were not run on the same items: 52 are shared and compared, 49 are not.',
      'B has no score for 2 of 53 items (1 failed, 1 unscored); they are left out, not counted as wrong.',
      'B is running: its figures cover the 53 items done so far.',
    ])
    expect(comparison.totalExamples).toBe(101)
  })

  it('warns of different datasets and of different versions of one', () => {
    const environment = (datasetHash: string) => ({ worker: 'w', host: 'h', device: 'cpu', threads: 1, os: '', node: '', versions: {}, commit: null, datasetHash, modelHash: null, seed: 1 })
    const a = { ...baseline, run: run('A', { environment: environment('aaaaaaaaaa') }) }
    const warned = compareRuns({ metric: 'accuracy', baselineId: 'A', runs: [a, { ...better, run: run('B', { environment: environment('bbbbbbbbbb') }) }, { ...better, run: run('C', { dataset: 'x' }) }] })
    expect(warned.warnings.slice(0, 2)).toEqual(['B and A ran on different versions of the dataset d (bbbbbbbb and aaaaaaaa).', 'C ran on the dataset x, A on d.'])
  })

  it('names runs of the same name by their experiment', () => {
    const { sentence } = compareRuns({ metric: 'accuracy', baselineId: 'A', runs: [{ ...baseline, run: run('A', { name: 'x', experimentName: 'One' }) }, { ...better, run: run('B', { name: 'x', experimentName: 'Two' }) }] })
    expect(sentence).toContain('Two: x is better than One: x')
  })

  it('survives runs without examples, and refuses what is not there', () => {
    const none = compareRuns({ metric: 'accuracy', baselineId: 'A', runs: [baseline, { run: run('B', { status: 'failed' }), examples: [] }] })
    expect(none).toMatchObject({ tests: [], sentence: 'Nothing to compare on Accuracy: no other run has scored the same items as the baseline.' })
    expect(none.runs[1]).toMatchObject({ summary: null, paretoOptimal: false })
    expect(() => compareRuns({ metric: 'acc', baselineId: 'A', runs: [baseline] })).toThrow('there is no metric acc')
    expect(() => compareRuns({ metric: 'accuracy', baselineId: 'Z', runs: [baseline] })).toThrow('baseline Z')
  })

  it('pages rows, and can show only those that differ', () => {
    const { examples, totalExamples } = compareRuns({ metric: 'accuracy', baselineId: 'A', runs: [baseline, better], rows: { offset: 1, limit: 2, onlyDifferent: true } })
    expect(totalExamples).toBe(35)
    expect(examples.map(({ itemId }) => itemId)).toEqual(['i61', 'i62'])
    expect(examples[0]?.cells).toEqual({ A: { output: 'o', score: 1, status: 'scored' }, B: { output: 'o', score: 0, status: 'scored' } })
  })
})

describe('paretoFront', () => {
  it('keeps what nothing beats on every count', () => {
    expect(
      paretoFront([
        { quality: 0.9, latencyMs: 100, costUsd: 1 },
        { quality: 0.8, latencyMs: 50, costUsd: 1 },
        { quality: 0.8, latencyMs: 120, costUsd: 1 },
        { quality: null, latencyMs: 1, costUsd: 0 },
        { quality: 0.7, latencyMs: 200, costUsd: null },
      ]),
    ).toEqual([true, true, false, false, true])
  })

  it('compares on what is known when a cost is unknown to all', () => {
    expect(paretoFront([{ quality: 0.9, latencyMs: 10, costUsd: null }, { quality: 0.8, latencyMs: 20, costUsd: null }])).toEqual([true, false])
  })
})
