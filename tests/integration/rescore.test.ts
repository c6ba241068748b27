/* Answers of a finished experiment scored anew from the command line, over the built server and its worker. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Comparison, CreatedExperiment, Experiment, ExamplePage, ExperimentPage, RescoreAnswer, Run } from '../../server/contracts/index.js'
import { chatEndpoint } from '../../workers/fixtures/prompt-run.js'
import { bancada, isOver, startServer, temporaryFolder, until } from '../support/bancada.js'

it('stand as runs of their own, linked to their source and compared with it, and nothing is asked again', async () => {
  const { baseUrl, prompts } = await chatEndpoint((prompt) => (prompt.length % 2 === 0 ? 'ham' : 'It is spam, I am afraid'))
  await using home = await temporaryFolder()
  await using server = await startServer(home.path, { args: ['--no-examples'] })
  const model = { provider: 'openai', baseUrl, model: 'tiny', price: { inputPerMillion: 1, outputPerMillion: 2 } }
  const spec = { name: 'Mails', kind: 'prompt', dataset: 'spam', model, axes: { shots: [0, 1] }, fixed: { limit: 20 }, errorCostUsd: 0.5 }
  const created = await server.post<CreatedExperiment>('/api/experiments', spec)
  const source = await until(() => server.get<Experiment>(`/api/experiments/${created.id}`), ({ status }) => status === 'succeeded')
  const asked = prompts.length

  const file = join(home.path, 'scorers.yaml')
  writeFileSync(file, 'scorers:\n  brief: { type: length, max: 2 }\n')
  const done = await bancada(server.url, 'rescore', created.id, '--scorers', file, '--wait', '--json')
  expect(done.code, done.output).toBe(0)
  const { experiment } = JSON.parse(done.output) as { experiment: Experiment }
  expect(experiment).toMatchObject({ name: 'Mails (rescored)', status: 'succeeded', primaryMetric: 'accuracy', errorCostUsd: 0.5 })
  expect(experiment.runs.map(({ rescoredFrom, name }) => [rescoredFrom, name])).toEqual(source.runs.map(({ id, name }) => [id, name]))
  const [run] = experiment.runs
  expect(run?.summary).toMatchObject({ spentUsd: 0, costUsd: source.runs[0]?.summary?.costUsd, latency: null, metrics: { accuracy: source.runs[0]?.summary?.metrics['accuracy'], brief: { n: 20 } } })
  const { examples } = await server.get<ExamplePage>(`/api/runs/${run?.id ?? ''}/examples?limit=20`)
  expect(examples.every(({ cached, output, scores }) => cached === true && scores['brief'] === Number(output === 'ham'))).toBe(true)
  expect(prompts).toHaveLength(asked)
  const { tests, warnings } = await server.get<Comparison>(`/api/compare?runs=${source.runs[0]?.id ?? ''},${run?.id ?? ''}`)
  expect([tests[0]?.n, tests[0]?.difference, warnings]).toEqual([20, 0, []])

  const refused = await bancada(server.url, 'rescore', run?.id ?? '', '--metrics', 'nonsense')
  expect([refused.code, refused.output]).toEqual([2, expect.stringContaining('there is no metric nonsense')])
  expect((await bancada(server.url, 'rescore', 'nobody', '--metrics', 'accuracy')).code).toBe(2)

  const results = [0, 1, 2].map((testIdx) => ({ promptIdx: 0, testIdx, vars: { n: testIdx }, prompt: { raw: `Say ${testIdx}` }, testCase: { assert: [{ type: 'contains', value: String(testIdx) }] }, response: { output: `it is ${testIdx}` }, success: true, score: 1, failureReason: 0 }))
  const fileOf = (name: string, outputs: (output: string) => string | null): string => {
    const evaluation = { results: { version: 3, prompts: [{ raw: 'Say {{n}}', label: 'say', provider: 'theirs' }], results: results.map((result) => ({ ...result, response: { output: outputs(result.response.output) } })) }, config: { description: name } }
    const path = join(home.path, `${name}.json`)
    writeFileSync(path, JSON.stringify(evaluation))
    return path
  }
  expect((await bancada(server.url, 'import', fileOf('Whole', (output) => output), fileOf('Bare', () => null))).code).toBe(0)
  const { experiments } = await server.get<ExperimentPage>('/api/experiments')
  const [whole, bare] = ['Whole', 'Bare'].map((name) => experiments.find((one) => one.name === name)?.id ?? '')
  const own = await bancada(server.url, 'rescore', whole ?? '', '--scorers', file, '--wait', '--json')
  expect(own.code, own.output).toBe(0)
  const theirs = (JSON.parse(own.output) as { experiment: Experiment }).experiment
  expect(theirs).toMatchObject({ name: 'Whole (rescored)', dataset: 'promptfoo:Whole', status: 'succeeded', primaryMetric: 'brief' })
  expect(theirs.runs[0]).toMatchObject({ params: { model: 'theirs', importedFrom: 'promptfoo', scorers: { brief: { max: 2 } } }, summary: { metrics: { brief: { n: 3, mean: 0 } }, spentUsd: 0 } })
  const paired = await server.get<Comparison>(`/api/compare?runs=${theirs.runs[0]?.id ?? ''},${theirs.runs[0]?.rescoredFrom ?? ''}`)
  // Of one dataset: all that the pair lacks is what was never scored.
  expect(paired.warnings).toEqual([expect.stringContaining('has no score for 3 of 3 items')])
  const without = await bancada(server.url, 'rescore', bare ?? '', '--scorers', file)
  expect([without.code, without.output]).toEqual([1, expect.stringContaining('its file held no outputs to score, only their scores')])
  const nothing = await bancada(server.url, 'rescore', whole ?? '', '--metrics', 'pass')
  expect([nothing.code, nothing.output]).toEqual([2, expect.stringContaining('there is no metric pass')])
})

it('outlives kill -9 of the server: the scores of the source stay, and the new run has each of its own once', async () => {
  const { baseUrl, prompts } = await chatEndpoint(() => 'ham')
  await using home = await temporaryFolder()
  const doomed = await startServer(home.path, { args: ['--no-examples'] })
  const created = await doomed.post<CreatedExperiment>('/api/experiments', { name: 'Mails', kind: 'prompt', dataset: 'spam', model: { provider: 'openai', baseUrl, model: 'tiny' }, fixed: { limit: 60 } })
  const source = created.runs[0]?.id ?? ''
  await until(() => doomed.get<Experiment>(`/api/experiments/${created.id}`), ({ status }) => status === 'succeeded')
  const pageOf = (server: Pick<typeof doomed, 'get'>, id: string): Promise<ExamplePage> => server.get<ExamplePage>(`/api/runs/${id}/examples?limit=100`)
  const before = await pageOf(doomed, source)

  // Five items are scored, and the others wait until the file is there.
  const go = join(home.path, 'go')
  mkdirSync(join(home.path, 'scorers'))
  writeFileSync(join(home.path, 'scorers', 'held.mjs'), `import { existsSync } from 'node:fs'\nlet calls = 0\nexport default async () => {\n  if (++calls > 5) while (!existsSync(${JSON.stringify(go)})) await new Promise((resolve) => setTimeout(resolve, 20))\n  return 1\n}\n`)
  const answer = await doomed.post<RescoreAnswer>(`/api/runs/${source}/rescore`, { scorers: { held: { type: 'custom', file: 'held.mjs' } }, metrics: ['held', 'accuracy'] })
  const rescored = answer.runs[0]?.id ?? ''
  await until(() => pageOf(doomed, rescored), ({ total }) => total === 5)
  doomed.kill('SIGKILL')
  await doomed.ended
  writeFileSync(go, '')

  await using server = await startServer(home.path, { args: ['--no-examples'] })
  expect(await pageOf(server, source)).toEqual(before)
  const run = await until(() => server.get<Run>(`/api/runs/${rescored}`), isOver)
  expect([run.status, run.summary?.metrics['held']?.n]).toEqual(['succeeded', 60])
  const after = await pageOf(server, rescored)
  expect(new Set(after.examples.map(({ itemId }) => itemId)).size).toBe(60)
  expect(after.examples.every(({ scores }) => scores['held'] === 1)).toBe(true)
  expect([await pageOf(server, source), prompts.length]).toEqual([before, 60])
})
