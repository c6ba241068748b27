/* Others' evaluations through the command line into a real server, and back out as reports. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Comparison, ExamplePage, Experiment, ExperimentPage } from '../../server/contracts/index.js'
import type { RunningServer } from '../../server/start.js'
import { bancada, temporaryFolder } from '../support/bancada.js'
import { startServerHere } from '../support/server-here.js'

const DATE = '2026-01-31T10-00-00.123456'

/** One document as lm-eval writes it: a line for each of its two filters. */
function sampleLines(id: number, [strict, flexible]: [number, number]): string[] {
  const common = {
    doc_id: id, doc: { question: `${id} + ${id}?` }, target: String(2 * id), arguments: { gen_args_0: { arg_0: `Question: ${id} + ${id}?\nAnswer:`, arg_1: { until: ['\n'] } } },
    resps: [[` ${2 * id}`]], metrics: ['exact_match'], doc_hash: `hash-${id}`, prompt_hash: 'p', target_hash: 't',
  }
  return [
    JSON.stringify({ ...common, filtered_resps: [`${2 * id}`], filter: 'strict-match', exact_match: strict }),
    JSON.stringify({ ...common, filtered_resps: [`about ${2 * id}`], filter: 'flexible-extract', exact_match: flexible }),
  ]
}

function promptfooFile(): Record<string, unknown> {
  const result = (promptIdx: number, testIdx: number, fields: object) => ({
    promptIdx, testIdx, prompt: { raw: `Say ${testIdx}`, label: 'say' }, vars: { n: testIdx }, testCase: { assert: [{ type: 'contains', value: String(testIdx) }] },
    response: { output: `it is ${testIdx}` }, success: true, score: 1, namedScores: { tone: 0.5 }, latencyMs: 20, cost: 0, tokenUsage: { prompt: 4, completion: 3, total: 7 }, failureReason: 0, ...fields,
  })
  const results = [0, 1].flatMap((promptIdx) => [0, 1, 2].map((testIdx) => result(promptIdx, testIdx, promptIdx === 1 && testIdx === 2 ? { success: false, score: 0, failureReason: 2, error: 'HTTP 500', namedScores: {} } : {})))
  return { evalId: 'e', results: { version: 3, prompts: [{ raw: 'Say {{n}}', label: 'say', provider: 'openai:a' }, { raw: 'Say {{n}}', label: 'say', provider: 'openai:b' }], results }, config: { description: 'Numbers' } }
}

describe('import', () => {
  let home: Awaited<ReturnType<typeof temporaryFolder>>
  let server: RunningServer
  beforeAll(async () => {
    home = await temporaryFolder()
    server = await startServerHere(join(home.path, 'home'))
  })
  afterAll(async () => {
    await server.close()
    await home[Symbol.asyncDispose]()
  })

  const get = async <T>(path: string): Promise<T> => (await (await fetch(server.url + path)).json()) as T
  const put = async (folder: string, files: Record<string, string>): Promise<string> => {
    const path = join(home.path, folder)
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(path, name, '..'), { recursive: true })
      await writeFile(join(path, name), text)
    }
    return path
  }

  it('pairs two evaluations of lm-eval by document, for each filter', async () => {
    const samples = (scores: [number, number][]) => scores.flatMap((score, id) => sampleLines(id, score)).join('\n')
    const results = (model: string) => `{"model_name": "${model}", "higher_is_better": {"sums": {"exact_match": true}}, "n-shot": {"sums": 5}, "odd": NaN}`
    const worse = Array.from({ length: 12 }, (_, id): [number, number] => [0, id % 2])
    const folder = await put('lm-eval', {
      [`org__a/samples_sums_${DATE}.jsonl`]: samples(worse), [`org__a/results_${DATE}.json`]: results('org/a'),
      [`org__b/samples_sums_${DATE}.jsonl`]: samples(worse.map(([, flexible]) => [1, flexible])), [`org__b/results_${DATE}.json`]: results('org/b'),
    })
    const { code, output } = await bancada(server.url, 'import', folder)
    expect([code, output]).toEqual([0, expect.stringContaining('Imported sums (lm-eval)')])
    const { experiments: [listed] } = await get<ExperimentPage>('/api/experiments')
    const experiment = await get<Experiment>(`/api/experiments/${listed?.id}`)
    expect(experiment).toMatchObject({ status: 'succeeded', dataset: 'lm-eval:sums', primaryMetric: 'lm-eval/exact_match,strict-match' })
    const ids = experiment.runs.map((run) => run.id)
    expect(experiment.runs.map(({ name, status, params }) => [name, status, params['shots'], params['importedFrom']])).toEqual([['org/a', 'succeeded', 5, 'lm-eval'], ['org/b', 'succeeded', 5, 'lm-eval']])
    const strict = await get<Comparison>(`/api/compare?runs=${ids.join(',')}`)
    expect(strict.runs[0]?.summary).toMatchObject({ mean: 0, n: 12, method: 'wilson' })
    expect(strict.tests[0]).toMatchObject({ n: 12, difference: 1, wins: 12, method: 'mcnemar-exact', verdict: 'better' })
    const flexible = await get<Comparison>(`/api/compare?runs=${ids.join(',')}&metric=${encodeURIComponent('lm-eval/exact_match,flexible-extract')}`)
    expect(flexible.tests[0]).toMatchObject({ n: 12, difference: 0, verdict: 'not distinguishable' })
  })

  it('keeps of promptfoo what is known, and no cost of 0', async () => {
    const folder = await put('promptfoo', { 'out.json': JSON.stringify(promptfooFile()) })
    const { code } = await bancada(server.url, 'import', join(folder, 'out.json'))
    expect(code).toBe(0)
    const { experiments: [listed] } = await get<ExperimentPage>('/api/experiments')
    const { runs } = await get<Experiment>(`/api/experiments/${listed?.id}`)
    expect(runs.map(({ name, summary }) => [name, summary?.metrics['pass']?.n, summary?.metrics['tone']?.mean, summary?.costUsd, summary?.tokensIn])).toEqual([['openai:a · say', 3, 0.5, null, 12], ['openai:b · say', 2, 0.5, null, 12]])
    const { examples } = await get<ExamplePage>(`/api/runs/${runs[1]?.id}/examples`)
    expect(examples[2]).toMatchObject({ status: 'error', error: 'HTTP 500', scores: {}, latencyMs: null, target: '2', output: 'it is 2' })
    const comparison = await get<Comparison>(`/api/compare?runs=${runs.map((run) => run.id).join(',')}`)
    expect(comparison.tests[0]?.n).toBe(2)
  })

  it('takes its own reports back in, item by item', async () => {
    const { experiments } = await get<ExperimentPage>('/api/experiments')
    const first = experiments.find(({ name }) => name === 'sums (lm-eval)')
    const folder = join(home.path, 'again')
    const written = await bancada(server.url, 'report', '--experiment', first?.id ?? '', '--format', 'lm-eval', '--out', folder)
    expect([written.code, (await readdir(folder)).length]).toEqual([0, 2])
    expect((await bancada(server.url, 'import', folder)).code).toBe(0)
    const { experiments: [again] } = await get<ExperimentPage>('/api/experiments')
    const { runs } = await get<Experiment>(`/api/experiments/${again?.id}`)
    expect(runs[0]?.summary?.metrics['lm-eval/exact_match,flexible-extract']).toMatchObject({ mean: 0.5, n: 12 })
    const file = join(home.path, 'report.json')
    expect((await bancada(server.url, 'report', '--experiment', again?.id ?? '', '--format', 'promptfoo', '--out', file)).code).toBe(0)
    expect((JSON.parse(await readFile(file, 'utf8')) as { results: { results: unknown[] } }).results.results).toHaveLength(24)
  })

  it('names file, line and field, and stores nothing', async () => {
    const before = (await get<ExperimentPage>('/api/experiments')).experiments.length
    const [line = ''] = sampleLines(0, [1, 1])
    const broken = async (name: string, text: string): Promise<string> => {
      const folder = await put(name, { [`m/samples_sums_${DATE}.jsonl`]: text })
      const { code, output } = await bancada(server.url, 'import', folder)
      expect(code).toBe(2)
      return output
    }
    expect(await broken('no-hash', `${line}\n${line.replace('"doc_hash":"hash-0",', '')}`)).toMatch(/samples_sums_.*\.jsonl, line 2: doc_hash: /)
    expect(await broken('cut', `${line}\n${line.slice(0, 40)}`)).toMatch(/line 2: not JSON/)
    expect(await broken('twice', `${line}\n${line}`)).toMatch(/line 2: doc_id: a second line of this document with the filter "strict-match"/)
    expect(await broken('direction', line.replaceAll('exact_match', 'ppl'))).toMatch(/line 1: ppl: whether higher is better is not known: put the results_\*\.json/)
    const twice = { experiments: [{ name: 'x', dataset: 'x', source: { tool: 'x', files: [] }, metrics: [{ id: 'm', higherIsBetter: true }], runs: [{ name: 'r', params: {}, examples: [0, 1].map(() => ({ itemId: 'a', input: '', output: '', target: null, status: 'scored', scores: { m: 1 }, latencyMs: null, ttftMs: null, tokensIn: null, tokensOut: null, costUsd: null })) }] }] }
    const refused = await fetch(`${server.url}/api/import`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(twice) })
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('experiments[0].runs[0].examples[1].itemId: the run answers this item twice')])
    expect((await get<ExperimentPage>('/api/experiments')).experiments.length).toBe(before)
  })
})
