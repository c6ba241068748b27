/* Reports as other tools read them; hashes and errors against those of Python (interchange.py). */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatReport, type ReportFormat } from '../../experiments/interchange/reports.js'
import type { ReportedRun } from '../../experiments/interchange/report.js'
import { summarizeMetric } from '../../experiments/summary.js'
import type { Example, Run } from '../../server/contracts/index.js'
import { PythonRandom } from '../../workers/python-random.js'
import { ShotSampler } from '../../workers/shot-sampler.js'

interface Golden {
  documents: { doc: { id: string; target: string | null }; hash: string }[]
  prompt: { text: string; hash: string }
  stderr: { scores: number[]; value: number }
  samples: { population: number; k: number; sample: number[] }[]
  random: number[]
  seeds: { seed: number; random: number }[]
}
const golden = JSON.parse(readFileSync(new URL('interchange.json', import.meta.url), 'utf8')) as Golden

function example(itemId: string, fields: Partial<Example> = {}): Example {
  return {
    itemId, cluster: null, input: `Is "${itemId}" spam?`, output: 'ham', target: 'ham', status: 'scored', scores: { accuracy: 1 }, error: null,
    latencyMs: 12, ttftMs: null, tokensIn: 3, tokensOut: 1, costUsd: null, cached: false, details: {}, ...fields,
  }
}

function reportedOf(examples: Example[], metric = 'accuracy'): ReportedRun {
  const summary: Run['summary'] = { metrics: { [metric]: summarizeMetric(metric, examples) }, primaryMetric: metric, latency: null, tokensIn: null, tokensOut: null, costUsd: null, durationMs: 1500 }
  const run: Run = {
    id: '0run', experimentId: '0exp', experimentName: 'Spam', kind: 'prompt', name: 'shots=2', cell: 0, repeat: 0, seed: 42,
    params: { model: 'org/nano:pt', shots: 2, template: '{{ input }}', temperature: 0, maxTokens: 8, stop: [] }, varied: { shots: 2 }, dataset: 'spam', status: 'succeeded', attempt: 1,
    progress: null, summary, error: null, environment: null, pickedStep: null, colorSlot: 0, worker: 'w', latest: {},
    createdAt: '2026-01-31T10:00:00.000Z', startedAt: '2026-01-31T10:00:01.000Z', finishedAt: '2026-01-31T10:00:03.500Z',
  }
  return { run, examples }
}

function filesOf(format: ReportFormat, reported: ReportedRun[], threshold?: number): Record<string, string> {
  const files = formatReport(format, reported, { metric: undefined, threshold, comparison: null, version: '0.0.0' })
  return Object.fromEntries(files.map(({ path, pieces }) => [path, [...pieces].join('')]))
}

const mixed = reportedOf([
  example('a'),
  example('b,"x"', { output: 'say <spam> & \u0001', scores: { accuracy: 0 } }),
  example('c', { status: 'error', scores: {}, output: '', error: 'timed out', latencyMs: null }),
  example('d', { status: 'unscored', scores: {}, target: null }),
])

describe('a report for lm-evaluation-harness', () => {
  it('hashes documents and prompts as Python does', () => {
    const examples = golden.documents.map(({ doc }) => example(doc.id, { target: doc.target, input: golden.prompt.text }))
    const samples = filesOf('lm-eval', [reportedOf(examples)])['org__nano__pt__0run/samples_spam_2026-01-31T10-00-03.500.jsonl']
    const lines = (samples ?? '').trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines.map((line) => line['doc_hash'])).toEqual(golden.documents.map(({ hash }) => hash))
    expect(lines.map((line) => line['prompt_hash'])).toEqual(Array.from({ length: 3 }, () => golden.prompt.hash))
    expect(lines[0]).toMatchObject({ doc_id: 0, target: 'ham', arguments: { gen_args_0: { arg_0: golden.prompt.text } }, resps: [['ham']], filtered_resps: ['ham'], filter: 'none', metrics: ['accuracy'], accuracy: 1 })
  })

  it('gives the mean with its standard error, and N/A where there is none', () => {
    const figures = (reported: ReportedRun) => {
      const results = filesOf('lm-eval', [reported])['org__nano__pt__0run/results_2026-01-31T10-00-03.500.json'] ?? ''
      return (JSON.parse(results) as { results: { spam: Record<string, unknown> } }).results.spam
    }
    expect(figures(reportedOf(golden.stderr.scores.map((score, item) => example(String(item), { scores: { accuracy: score } }))))).toEqual({
      name: 'spam', alias: 'spam', sample_len: 4, 'accuracy,none': 0.75, 'accuracy_stderr,none': expect.closeTo(golden.stderr.value, 12) as number,
    })
    expect(figures(reportedOf([example('only')]))).toMatchObject({ 'accuracy,none': 1, 'accuracy_stderr,none': 'N/A' })
  })
})

describe('a report for promptfoo', () => {
  it('has one result per run and item, and null for what is not known', () => {
    const report = JSON.parse(filesOf('promptfoo', [mixed])[''] ?? '') as { results: { version: number; prompts: { metrics: unknown }[]; results: Record<string, unknown>[]; stats: unknown } }
    expect(report.results.version).toBe(3)
    expect(report.results.prompts[0]?.metrics).toMatchObject({ score: 1, testPassCount: 1, testFailCount: 1, testErrorCount: 2, cost: null, totalLatencyMs: null, namedScores: { accuracy: 1 }, namedScoresCount: { accuracy: 2 } })
    expect(report.results.results.map(({ testIdx, success, score, failureReason, cost, gradingResult }) => [testIdx, success, score, failureReason, cost, gradingResult === null])).toEqual([
      [0, true, 1, 0, null, false],
      [1, false, 0, 1, null, false],
      [2, false, null, 2, null, true],
      [3, false, null, 2, null, true],
    ])
    expect(report.results.stats).toMatchObject({ successes: 1, failures: 1, errors: 2, durationMs: 1500 })
  })

  it('does not guess from which score an answer is right', () => {
    const graded = reportedOf([example('a', { scores: { token_f1: 0.4 } }), example('b', { scores: { token_f1: 0.6 } })], 'token_f1')
    expect(() => filesOf('junit', [graded])).toThrow('token_f1 has degrees, so no answer is simply right or wrong: name the score from which one is right, with --threshold.')
    expect(filesOf('junit', [graded], 0.5)['']).toContain('tests="2" failures="1" errors="0" skipped="0"')
  })
})

describe('reports as tables', () => {
  it('writes JUnit XML in which only wrong answers are failures', () => {
    expect(filesOf('junit', [mixed])['']).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" failures="1" errors="1" skipped="1" time="0.036">
  <testsuite name="Spam: shots=2" id="0run" timestamp="2026-01-31T10:00:01" tests="4" failures="1" errors="1" skipped="1" time="0.036">
    <testcase classname="Spam: shots=2" name="a" time="0.012"/>
    <testcase classname="Spam: shots=2" name="b,&quot;x&quot;" time="0.012">
      <failure type="accuracy" message="accuracy is 0, asked for at least 1">input: Is "b,"x"" spam?
output: say &lt;spam&gt; &amp; \uFFFD
target: ham</failure>
    </testcase>
    <testcase classname="Spam: shots=2" name="c">
      <error message="timed out">input: Is "c" spam?
output: 
target: ham</error>
    </testcase>
    <testcase classname="Spam: shots=2" name="d" time="0.012">
      <skipped message="no accuracy was scored"/>
    </testcase>
  </testsuite>
</testsuites>
`)
  })

  it('writes CSV with a row per answer and empty cells for what is not known', () => {
    expect((filesOf('csv', [mixed])[''] ?? '').split('\r\n').slice(0, 3)).toEqual([
      'experiment,run_id,run,item_id,cluster,status,accuracy,input,output,target,error,latency_ms,ttft_ms,tokens_in,tokens_out,cost_usd,judge_cost_usd,cached',
      'Spam,0run,shots=2,a,,scored,1,"Is ""a"" spam?",ham,ham,,12,,3,1,,,false',
      'Spam,0run,shots=2,"b,""x""",,scored,0,"Is ""b,""x"""" spam?",say <spam> & \u0001,ham,,12,,3,1,,,false',
    ])
  })

  it('writes Markdown with n and interval', () => {
    expect((filesOf('markdown', [mixed])[''] ?? '').split('\n')[2]).toBe('| Spam: shots=2 | 0run | accuracy | 0.5 | 0.09453 to 0.9055 | 2 | 1 | 1 |  |  |')
  })
})

describe('Python’s random', () => {
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

  it('gives the same numbers by the same seed', () => {
    const random = new PythonRandom(1234)
    expect(golden.random.map(() => random.random())).toEqual(golden.random)
    expect(golden.seeds.map(({ seed }) => new PythonRandom(seed).random())).toEqual(golden.seeds.map((one) => one.random))
    expect(() => new PythonRandom(-1)).toThrow('a seed is a whole number from 0 to 2^53 - 1, not -1')
  })

  it('draws the same samples, one after the other, from small and large populations', () => {
    const random = new PythonRandom(1234)
    expect(golden.samples.map(({ population, k }) => random.sample(upTo(population), k))).toEqual(golden.samples.map(({ sample }) => sample))
    expect(() => random.sample([1], 2)).toThrow('a sample of 2 cannot be drawn from 1')
  })

  it('draws few-shot examples as lm-evaluation-harness does: by the seed, for each item in turn', async () => {
    const itemOf = (id: number) => ({ id: String(id), input: `in ${id}`, target: 'ham' })
    const pool = upTo(10).map(itemOf)
    const base = { pool, negatives: 0, seed: 1234, labels: null, sampler: 'lm-eval' as const, ids: [], perItem: false, nearest: null, poolName: 'the pool' }
    const shown = async (sampler: ShotSampler, item: ReturnType<typeof itemOf>) => (await sampler.draw(item)).shots.map(({ id }) => Number(id))
    const [first, second] = golden.samples
    const apart = new ShotSampler({ ...base, shots: 3, asked: { items: [itemOf(0), itemOf(1)], arePool: false } })
    expect([await shown(apart, itemOf(1)), await shown(apart, itemOf(0))]).toEqual([second?.sample, first?.sample])
    // One more is drawn where the item may be among them, and the item or the last one is left out.
    const within = new ShotSampler({ ...base, shots: 2, asked: { items: pool, arePool: true } })
    expect([await shown(within, itemOf(0)), await shown(within, itemOf(1))]).toEqual([[7, 1], [0, 9]])
  })
})
