import { describe, expect, it } from 'vitest'
import { ComparisonSchema, type Run } from '../server/contracts/index.js'
import { compareRuns, type ComparisonRequest } from './comparison.js'
import { summarizeMetric } from './summary.js'
import { columnsOf, type ColumnExample } from './score-columns.js'

function run(id: string, fields: Partial<Run> = {}): Run {
  return {
    id, name: id, experimentId: 'e', experimentName: 'Exp', kind: 'prompt', cell: id.charCodeAt(0), repeat: 0, seed: 1, params: {}, varied: {}, dataset: 'd', status: 'succeeded', attempt: 1,
    progress: null, summary: null, error: null, environment: null, pickedStep: null, colorSlot: 0, worker: null, latest: {}, createdAt: '', startedAt: null, finishedAt: null, ...fields,
  }
}

function example(item: number, scores: ColumnExample['scores'], fields: Partial<ColumnExample> = {}): ColumnExample {
  return { itemId: `i${item}`, cluster: null, status: 'scored', scores, latencyMs: 10, ttftMs: null, costUsd: null, ...fields }
}

interface Answered {
  run: Run
  examples: readonly ColumnExample[]
}

function compare({ runs, ...request }: Omit<ComparisonRequest, 'runs'> & { runs: readonly Answered[] }) {
  return compareRuns({ ...request, runs: runs.map(({ run, examples }) => ({ run, columns: columnsOf(examples, request.metric) })) })
}

const accuracies = (n: number, right: (item: number) => boolean) => Array.from({ length: n }, (_, item) => example(item, { accuracy: right(item) ? 1 : 0 }))

describe('compareRuns', () => {
  const baseline = { run: run('A'), examples: accuracies(100, (item) => item < 70) }
  const better = { run: run('B'), examples: accuracies(100, (item) => item < 60 || item >= 75) }

  it('tells the finding in a sentence with interval, n and p', () => {
    const comparison = compare({ metric: 'accuracy', baselineId: 'A', runs: [baseline, better] })
    const whole = { ...comparison, examples: [], totalExamples: 0 }
    expect(ComparisonSchema.parse(whole)).toEqual(whole)
    expect(comparison.sentence).toMatch(/^B is better than A on Accuracy by 15\.0 points \(95 % interval \d+\.\d to \d+\.\d; n = 100 paired items; p = 0\.017, McNemar\)\.$/)
    expect(comparison.tests[0]).toMatchObject({ runId: 'B', n: 100, wins: 25, losses: 10, ties: 65, verdict: 'better', method: 'mcnemar-exact' })
    expect(comparison.runs.map(({ id, paretoOptimal }) => [id, paretoOptimal])).toEqual([['A', false], ['B', true]])
    expect(comparison.warnings).toEqual([])
  })

  it('says what could have been found when nothing was', () => {
    const same = { run: run('B'), examples: accuracies(100, (item) => item < 68 || item === 80) }
    const { sentence, tests } = compare({ metric: 'accuracy', baselineId: 'A', runs: [baseline, same] })
    expect(tests[0]?.verdict).toBe('not distinguishable')
    expect(sentence).toMatch(/^B and A are not distinguishable on Accuracy: difference −1\.0 points \(.*p = 1\.000, McNemar\); a true difference of \d\.\d points would be found in 80 % of such comparisons\.$/)
  })

  it('corrects for the number of runs, and warns of the winner’s curse', () => {
    const rivals = ['C', 'D', 'E'].map((id) => ({ run: run(id), examples: baseline.examples }))
    const comparison = compare({ metric: 'accuracy', baselineId: 'A', runs: [baseline, better, ...rivals] })
    expect(comparison.tests[0]?.pAdjusted).toBeCloseTo(4 * 0.01667384780012071, 10)
    expect(comparison.tests[0]?.verdict).toBe('not distinguishable')
    expect(comparison.sentence).toContain('Of 4 runs against A, 0 better, 0 worse and 4 not distinguishable. Best of these 4: B')
    expect(comparison.best.runIds).toEqual(['B', 'A', 'C', 'D', 'E'])
    expect(comparison.warnings.join()).toContain('winner’s curse')
  })

  it('takes a lower score for better where the scorer of the user’s own says so', () => {
    const own = (id: string, shift: number): Answered => {
      const examples = Array.from({ length: 40 }, (_, item) => example(item, { steps: ((item % 5) + 1) / 10 + shift }, { costUsd: 0.01 }))
      const summary = summarizeMetric('steps', examples, { higherIsBetter: false, unit: 'steps' })
      return { run: run(id, { summary: { metrics: { steps: summary }, primaryMetric: 'steps', latency: null, tokensIn: null, tokensOut: null, costUsd: null, durationMs: 1 } }), examples }
    }
    const comparison = compare({ metric: 'steps', baselineId: 'A', runs: [own('A', 0.2), own('B', 0)] })
    expect(comparison).toMatchObject({ higherIsBetter: false, tests: [{ runId: 'B', verdict: 'better', difference: expect.closeTo(-0.2, 12) as number }] })
    expect(comparison.sentence).toMatch(/^B is better than A on steps by 0\.200 steps, lower /)
    expect(comparison.runs.map(({ summary }) => [summary?.higherIsBetter, summary?.unit])).toEqual([[false, 'steps'], [false, 'steps']])
    // A score that is better when lower tells no rate of errors, though it lies between 0 and 1.
    expect(comparison.tests[0]?.costBasis ?? null).toBeNull()
  })

  it('takes a lower loss for better', () => {
    const losses = (shift: number) => Array.from({ length: 40 }, (_, item) => example(item, { loss: 1 + (item % 5) / 10 + shift + (item % 3) / 100 * Math.sign(shift) }))
    const { tests, sentence } = compare({ metric: 'loss', baselineId: 'A', runs: [{ run: run('A'), examples: losses(0) }, { run: run('B'), examples: losses(-0.2) }] })
    expect(tests[0]).toMatchObject({ verdict: 'better', wins: 40, losses: 0, method: 'permutation' })
    expect(sentence).toContain('B is better than A on Loss by 0.210 nats/token, lower (95 % interval 0.20')
  })

  it('pairs only what both scored, and says what it left out', () => {
    const partial = [...accuracies(50, () => true), example(50, {}, { status: 'error' }), example(51, { accuracy: 'NaN' }), example(200, { accuracy: 1 })]
    const comparison = compare({ metric: 'accuracy', baselineId: 'A', runs: [baseline, { run: run('B', { status: 'running' }), examples: partial }] })
    expect(comparison.tests[0]?.n).toBe(50)
    expect(comparison.warnings).toEqual([
      'B and A were not run on the same items: 52 are shared and compared, 49 are not.',
      'B has no score for 2 of 53 items (1 failed, 1 unscored); they are left out, not counted as wrong.',
      'B is running: its figures cover the 53 items done so far.',
    ])
  })

  it('warns of different datasets and of different versions of one', () => {
    const environment = (datasetHash: string) => ({ worker: 'w', host: 'h', device: 'cpu', threads: 1, os: '', node: '', versions: {}, commit: null, datasetHash, modelHash: null, seed: 1 })
    const a = { ...baseline, run: run('A', { environment: environment('aaaaaaaaaa') }) }
    const warned = compare({ metric: 'accuracy', baselineId: 'A', runs: [a, { ...better, run: run('B', { environment: environment('bbbbbbbbbb') }) }, { ...better, run: run('C', { dataset: 'x' }) }] })
    expect(warned.warnings.slice(0, 2)).toEqual([
      'B and A ran on different versions of the dataset d (bbbbbbbb and aaaaaaaa); only items with the same id and target are paired.',
      'C ran on the dataset x, A on d: they are not tested against each other.',
    ])
  })

  it('names runs of the same name by their experiment', () => {
    const { sentence } = compare({ metric: 'accuracy', baselineId: 'A', runs: [{ ...baseline, run: run('A', { name: 'x', experimentName: 'One' }) }, { ...better, run: run('B', { name: 'x', experimentName: 'Two' }) }] })
    expect(sentence).toContain('Two: x is better than One: x')
  })

  it('survives runs without examples, and refuses what is not there', () => {
    const none = compare({ metric: 'accuracy', baselineId: 'A', runs: [baseline, { run: run('B', { status: 'failed' }), examples: [] }] })
    expect(none).toMatchObject({ tests: [], sentence: 'Nothing to compare on Accuracy: no other run has scored the same items as the baseline.' })
    expect(none.runs[1]).toMatchObject({ summary: null, paretoOptimal: false })
    expect(() => compare({ metric: 'acc', baselineId: 'A', runs: [baseline] })).toThrow('there is no metric acc')
    expect(() => compare({ metric: 'accuracy', baselineId: 'Z', runs: [baseline] })).toThrow('baseline Z')
  })

})

describe('what makes a comparison unfair', () => {
  const baseline = { run: run('A'), examples: accuracies(100, (item) => item < 70) }
  const other = (fields: Partial<Run>) => ({ run: run('B', fields), examples: accuracies(100, (item) => item < 60 || item >= 75) })
  const warningsOf = (one: Answered): string => compare({ metric: 'accuracy', baselineId: 'A', runs: [baseline, one] }).warnings.join(' ')

  it('tests no runs of different datasets, whatever their ids', () => {
    const { tests, sentence } = compare({ metric: 'accuracy', baselineId: 'A', runs: [baseline, other({ dataset: 'x' })] })
    expect([tests, sentence]).toEqual([[], expect.stringContaining('Nothing to compare')])
  })

  it('leaves out items whose target changed between versions', () => {
    const columns = (targets: number[]) => ({ ...columnsOf(baseline.examples, 'accuracy'), targets: Int32Array.from(targets) })
    const same = Array.from({ length: 100 }, (_, item) => item)
    const changed = same.map((item) => (item < 12 ? -1 : item))
    const { tests, warnings } = compareRuns({ metric: 'accuracy', baselineId: 'A', runs: [{ run: run('A'), columns: columns(same) }, { run: run('B'), columns: columns(changed) }] })
    expect(tests[0]?.n).toBe(88)
    expect(warnings.join()).toContain('12 of the items that B and A share have another target')
  })

  it('names judges that differ, and parameters hidden behind another experiment', () => {
    expect(warningsOf(other({ params: { judge: { model: 'x' } } }))).toContain('were scored with another judge')
    expect(warningsOf(other({ experimentId: 'f', params: { model: 'm', template: 't', concurrency: 9 } }))).toContain('B and A differ in model, template: the difference')
    expect(warningsOf(other({ params: { model: 'm', template: 't' } }))).not.toContain('differ in')
  })

  it('names a scorer that stands for two different ones', () => {
    const scored = (rubric: string): Partial<Run> => ({ params: { scorers: { tone: { type: 'judge', rubric } } } })
    const runs = ['a', 'b'].map((rubric) => ({ run: run(rubric, scored(rubric)), examples: Array.from({ length: 20 }, (_, item) => example(item, { tone: item % 2 })) }))
    expect(compare({ metric: 'tone', baselineId: 'a', runs }).warnings).toContain('tone of b and a are two different scorers: the difference may be the scorers’, not the answers’.')
    expect(compare({ metric: 'tone', baselineId: 'a', runs: runs.map((one) => ({ ...one, run: { ...one.run, params: scored('a').params ?? {} } })) }).warnings).toEqual([])
  })

  it('bounds what many missing scores could do', () => {
    const failing = { run: run('B'), examples: [...accuracies(80, () => true), ...Array.from({ length: 20 }, (_, item) => example(80 + item, {}, { status: 'error' }))] }
    expect(warningsOf(failing)).toContain('Were all of them as bad as can be its Accuracy would be 80.0 %, as good as can be 100.0 %.')
  })
})

describe('not worse by a margin', () => {
  const pattern = (n: number, wrong: (item: number) => boolean) => accuracies(n, (item) => !wrong(item))
  const pair = (n: number) => [
    { run: run('A'), examples: pattern(n, (item) => item % 10 === 0).map((one) => ({ ...one, costUsd: 0.004, latencyMs: 100 })) },
    { run: run('B'), examples: pattern(n, (item) => item % 10 === 1 || item === 5).map((one) => ({ ...one, costUsd: 0.001, latencyMs: 250 })) },
  ]

  it('says so with the price beside it when there are items enough', () => {
    const { tests } = compare({ metric: 'accuracy', baselineId: 'A', runs: pair(3_000), margin: 0.03 })
    expect(tests[0]?.nonInferiority).toMatchObject({ margin: 0.03, verdict: 'not worse' })
    expect(tests[0]?.nonInferiority?.sentence).toMatch(/^B is not worse than A on Accuracy by 3\.0 points or more \(one-sided p < 0\.001, n = 3000\)\. It takes 75 % less cost and 2\.5 times the latency \(p50\)\.$/)
  })

  it('settles nothing on few items, and finds a run worse that is', () => {
    expect(compare({ metric: 'accuracy', baselineId: 'A', runs: pair(60), margin: 0.01 }).tests[0]?.nonInferiority).toMatchObject({ verdict: 'not shown', sentence: expect.stringContaining('is not settled') })
    const bad = { run: run('B'), examples: pattern(500, (item) => item % 2 === 0) }
    expect(compare({ metric: 'accuracy', baselineId: 'A', runs: [{ run: run('A'), examples: pattern(500, () => false) }, bad], margin: 0.05 }).tests[0]?.nonInferiority?.verdict).toBe('worse')
  })

  it('corrects for the number of runs and agrees with the interval', () => {
    const [a, b] = pair(600)
    if (!a || !b) throw new Error('no pair')
    const many = ['C', 'D', 'E'].map((id) => ({ ...b, run: run(id) }))
    const one = compare({ metric: 'accuracy', baselineId: 'A', runs: [a, b], margin: 0.02 }).tests[0]
    const four = compare({ metric: 'accuracy', baselineId: 'A', runs: [a, b, ...many], margin: 0.02 }).tests[0]
    expect(four?.nonInferiority?.pAdjusted).toBeCloseTo(4 * (one?.nonInferiority?.p ?? NaN), 10)
    expect((one?.low ?? NaN) > -0.02).toBe((one?.nonInferiority?.p ?? NaN) < 0.025)
  })
})

describe('1,000 requests with their errors', () => {
  const priced = (right: (item: number) => boolean, cost: (item: number) => number | null) => accuracies(200, right).map((one, item) => ({ ...one, costUsd: cost(item) }))
  const dear = { run: run('A'), examples: priced((item) => item % 20 !== 0, (item) => 0.004 + 0.0001 * (item % 7)) }
  const cheap = { run: run('B'), examples: priced((item) => item % 5 !== 0, (item) => 0.001 + 0.0001 * (item % 3)) }
  const ask = (errorCostUsd: number | undefined, runs: readonly Answered[] = [dear, cheap]) => compare({ metric: 'accuracy', baselineId: 'A', runs, errorCostUsd })

  it('turn the order of runs when errors grow dear, judged on the paired difference', () => {
    const free = ask(0)
    expect(free.tests[0]?.expectedCost?.high).toBeLessThan(0)
    const costly = ask(0.1)
    const [a, b] = costly.runs.map(({ expectedCost: cost }) => cost?.per1000Usd ?? NaN)
    expect(a).toBeCloseTo(4.297 + 5, 3)
    expect(b).toBeCloseTo(1.0995 + 20, 3)
    expect(costly.tests[0]?.expectedCost?.per1000Usd).toBeCloseTo((b ?? NaN) - (a ?? NaN), 3)
    expect(costly.tests[0]?.expectedCost?.low).toBeGreaterThan(0)
    expect(ComparisonSchema.safeParse({ ...costly, examples: [], totalExamples: 0 }).error).toBeUndefined()
  })

  it('are told for no run that has an answer of unknown cost, and for none unasked', () => {
    const gap = { run: run('C'), examples: priced(() => true, (item) => (item === 9 ? null : 0.001)) }
    const { runs, tests } = ask(0.1, [dear, gap])
    expect(runs[1]).toMatchObject({ expectedCost: null, costBasis: { costPer1000Usd: null, errorRate: { mean: 0 } } })
    expect(tests[0]).toMatchObject({ costBasis: null, expectedCost: null })
    expect(ask(undefined).runs.map(({ expectedCost: cost }) => cost)).toEqual([null, null])
  })

  it('count an item once over pooled repeats', () => {
    const repeats = [dear, { run: run('A2', { cell: dear.run.cell, repeat: 1 }), examples: priced((item) => item % 20 !== 1, () => 0.002) }]
    const [pooled] = compare({ metric: 'accuracy', baselineId: 'A', runs: [...repeats, cheap], repeats: 'pooled' }).runs
    expect(pooled?.costBasis).toMatchObject({ n: 200, errorRate: { mean: expect.closeTo(0.05, 12) as number }, costPer1000Usd: { mean: expect.closeTo((4.297 + 2) / 2, 6) as number } })
  })
})

describe('figures of the whole corpus', () => {
  const answered = (edits: (item: number) => number, of = 'ter'): ColumnExample[] =>
    Array.from({ length: 40 }, (_, item) => example(item, { ter_own: 10 * edits(item) }, { details: { corpus: { ter_own: { of, sums: [edits(item), 10] } } } }))
  const summary: Run['summary'] = { metrics: { ter_own: { mean: 20, n: 40, low: null, high: null, method: 'none', higherIsBetter: false, corpus: 'ter' } }, primaryMetric: 'ter_own', latency: null, tokensIn: null, tokensOut: null, costUsd: null, durationMs: 1 }
  const baseline = { run: run('A', { summary }), examples: answered((item) => item % 5) }
  const better = { run: run('B', { summary }), examples: answered((item) => (item % 5) - (item % 4 === 0 && item % 5 > 0 ? 1 : 0)) }

  it('are compared as such, and a lower one may be better', () => {
    const { tests, runs, sentence } = compare({ metric: 'ter_own', baselineId: 'A', runs: [baseline, better] })
    expect(runs.map(({ summary: own }) => own)).toMatchObject([{ mean: 20, method: 'bootstrap-bca', corpus: 'ter' }, { mean: 18, corpus: 'ter', higherIsBetter: false }])
    expect(tests[0]).toMatchObject({ difference: -2, method: 'approximate-randomization', wins: 8, losses: 0, ties: 32, verdict: 'better', costBasis: null })
    expect(sentence).toMatch(/^B is better than A on ter_own by 2, lower \(95 % interval .*; n = 40 paired items; p = 0\.0\d\d, approximate randomization\)\.$/)
    expect(() => compare({ metric: 'ter_own', baselineId: 'A', runs: [baseline, better], test: 'paired-t' })).toThrow('figure of the whole corpus')
    expect(() => compare({ metric: 'accuracy', baselineId: 'A', runs: [{ run: run('A'), examples: accuracies(9, () => true) }, { run: run('B'), examples: accuracies(9, () => false) }], test: 'paired-bootstrap' })).toThrow('is for figures of a whole corpus')
  })

  it('are not held against another figure of the same name', () => {
    expect(compare({ metric: 'ter_own', baselineId: 'A', runs: [baseline, { run: run('B', { summary }), examples: answered((item) => item % 5, 'perplexity') }] }).tests).toEqual([])
  })

  it('of pooled repeats are those of all their answers, an item counting once', () => {
    const repeats = [0, 1].map((repeat) => ({ run: run(`R${repeat}`, { cell: 7, repeat, summary }), examples: answered((item) => (item % 5) + repeat) }))
    const { runs } = compare({ metric: 'ter_own', baselineId: 'A', runs: [baseline, ...repeats], repeats: 'pooled' })
    expect(runs[1]).toMatchObject({ runIds: ['R0', 'R1'], summary: { mean: 25, n: 40 } })
  })
})
