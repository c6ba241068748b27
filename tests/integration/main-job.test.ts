/** The main job through every room: real server, real worker, real model, and the command line. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Checkpoint, Comparison, CreatedExperiment, Estimate, Example, Queue, Run, Sample, WorkerList } from '../../server/contracts/index.js'
import { bancada, isOver, type Server, until } from '../support/bancada.js'
import { Workbench } from '../support/workbench.js'

describe('the main job', () => {
  let bench: Workbench
  let server: Server

  beforeAll(async () => {
    bench = await Workbench.open('main-job')
    server = bench.server
  })
  afterAll(() => bench?.close())

  it('compares prompts and a fine-tuned checkpoint on the same items with a paired test, and exports the checkpoint', async () => {
    const tuned = await bench.run({
      name: 'Fine-tuning',
      kind: 'lora',
      dataset: 'spam',
      axes: { rank: [8] },
      fixed: { steps: 60, batchSize: 8, maxLength: 96, evalEvery: 20, evalLimit: 60, testLimit: 100, samples: ['You have won a prize'] },
    })
    const [run] = tuned.runs
    expect([tuned.status, run?.error]).toEqual(['succeeded', null])
    if (!run) throw new Error('no run')

    const { checkpoints } = await server.get<{ checkpoints: Checkpoint[] }>(`/api/runs/${run.id}/checkpoints`)
    expect(checkpoints.map((checkpoint) => checkpoint.step)).toEqual([0, 20, 40, 60])
    expect(checkpoints.filter((checkpoint) => checkpoint.best)).toHaveLength(1)
    const { samples } = await server.get<{ samples: Sample[] }>(`/api/runs/${run.id}/samples`)
    expect(samples.map((sample) => sample.step)).toEqual([0, 20, 40, 60])

    await server.post(`/api/runs/${run.id}/checkpoints/20/pick`)
    expect((await server.get<Run>(`/api/runs/${run.id}`)).pickedStep).toBe(20)

    const out = join(bench.home, 'exported')
    const exported = await bancada(server.url, 'export', run.id, '--out', out)
    expect(exported.code, exported.output).toBe(0)
    const config = JSON.parse(await readFile(join(out, 'adapter_config.json'), 'utf8')) as { peft_type: string; r: number }
    expect([config.peft_type, config.r]).toEqual(['LORA', 8])

    const prompted = await bench.run({
      name: 'Prompting',
      kind: 'prompt',
      dataset: 'spam',
      axes: { model: ['nano-pt-en', `run:${run.id}@60`] },
      fixed: { template: '{{ input }}\nLabel:', limit: 100 },
    })
    expect(prompted.status).toBe('succeeded')
    const ids = [...prompted.runs.map((one) => one.id), run.id]
    const comparison = await server.get<Comparison>(`/api/compare?runs=${ids.join(',')}&metric=accuracy`)
    expect(comparison.runs).toHaveLength(3)
    for (const one of comparison.runs) expect(one.summary?.low).toEqual(expect.any(Number))
    expect(comparison.tests).toHaveLength(2)
    for (const test of comparison.tests) {
      expect(test.n).toBeGreaterThan(0)
      expect(test.wins + test.losses + test.ties).toBe(test.n)
      // Mails of one campaign are a cluster, and then the test flips signs by cluster.
      expect(test.method).toBe('permutation')
    }
    expect(comparison.sentence).toMatch(/n = \d+/)
  })

  it('knows from earlier runs how long the next one will take, and how fast its worker multiplies', async () => {
    const fixed = { rank: 8, steps: 10, batchSize: 8, maxLength: 96, evalEvery: 10, evalLimit: 30, testLimit: 30, samples: ['You have won a prize'] }
    const spec = { name: 'Ten steps', kind: 'lora', dataset: 'spam', fixed }
    const { time, notes } = await server.post<Estimate>('/api/experiments/estimate', spec)
    expect([time, notes[0]]).toEqual([expect.objectContaining({ basis: 'same', pastRuns: 1, workers: 1 }), expect.stringMatching(/^time: from 1 past run like these/)])
    const tuned = await bench.run(spec)
    const seconds = (tuned.runs[0]?.summary?.durationMs ?? NaN) / 1000
    // Machines are shared: what holds on every one of them is the order of magnitude.
    expect(seconds).toBeGreaterThan((time?.low ?? NaN) / 10)
    expect(seconds).toBeLessThan((time?.high ?? NaN) * 10)
    expect((await server.post<Estimate>('/api/experiments/estimate', spec)).time?.pastRuns).toBe(2)

    const { workers } = await until(() => server.get<WorkerList>('/api/workers'), (list) => list.workers[0]?.devices.some(({ gflops }) => gflops != null) === true)
    expect(workers[0]?.devices.find(({ kind }) => kind === 'cpu')?.gflops).toBeGreaterThan(0.1)
  })

  it('scores chunk sizes on one set of questions', async () => {
    const experiment = await bench.run({ name: 'Chunks', kind: 'rag', dataset: 'sotu', axes: { chunkSize: [200, 1600] }, fixed: { retriever: 'bm25', limit: 40 } })
    expect(experiment.status).toBe('succeeded')
    const scores = experiment.runs.map((run) => run.summary?.metrics['ndcg'])
    for (const score of scores) expect(score?.n).toBe(40)
    expect(scores[0]?.mean).not.toBe(scores[1]?.mean)
    const { examples } = await server.get<{ examples: Example[] }>(`/api/runs/${experiment.runs[0]?.id}/examples?limit=1000`)
    for (const example of examples) expect(Object.keys(example.scores).sort()).toEqual(expect.arrayContaining(['hit', 'mrr', 'ndcg', 'recall']))
  })

  it('cancels a running run long before its end', async () => {
    const created = await server.post<CreatedExperiment>('/api/experiments', { name: 'Cancelled', kind: 'lora', dataset: 'spam', fixed: { steps: 100_000, evalEvery: 50_000, evalLimit: 8, samples: ['x'] } })
    const path = `/api/runs/${created.runs[0]?.id}`
    await until(() => server.get<Run>(path), (run) => run.latest['train/loss'] !== undefined)
    await server.post(`${path}/cancel`)
    const cancelled = await until(() => server.get<Run>(path), isOver)
    expect([cancelled.status, cancelled.error]).toEqual(['cancelled', null])
    expect(cancelled.progress?.done).toBeLessThan(50_000)
  })

  it('is put in order from the command line', async () => {
    const prompts = { name: 'Waiting', kind: 'prompt', dataset: 'spam', model: 'nano-pt-en', axes: { shots: [0, 1, 2] }, fixed: { limit: 20 } }
    expect((await bancada(server.url, 'queue', 'pause')).output).toContain('paused since')
    const { id, runs } = await server.post<CreatedExperiment>('/api/experiments', prompts)
    const last = runs.at(-1)?.id ?? ''
    const moved = await bancada(server.url, 'queue', 'move', last, 'front', '--json')
    expect((JSON.parse(moved.output) as Queue).waiting.map((run) => run.id)).toEqual([last, runs[0]?.id, runs[1]?.id])
    expect((await bancada(server.url, 'queue', 'move', last, 'first')).code).toBe(2)
    expect((await bancada(server.url, 'delete', id)).code).toBe(1)
    expect((await bancada(server.url, 'cancel', id)).code).toBe(0)
    expect((await bancada(server.url, 'archive', id)).output).toContain('Waiting is archived')
    expect((await bancada(server.url, 'ls', 'Waiting')).output).toContain('No experiment is found')
    expect((await bancada(server.url, 'ls', 'Waiting', 'is:archived')).output).toContain(id)
    expect((await bancada(server.url, 'delete', id)).output).toContain('--undo')
    expect((await bancada(server.url, 'delete', id, '--undo')).output).toContain('Waiting is back')
    expect((await bancada(server.url, 'queue', 'resume', '--json')).code).toBe(0)
    expect((await bancada(server.url, 'cancel', 'nobody')).code).toBe(2)
  })

  it('refuses a bad file with line, value and mend, through the command line with exit code 2', async () => {
    const file = join(bench.home, 'bad.yaml')
    await writeFile(file, 'name: Bad\nkind: lora\ndataset: spam\naxes:\n  rnak: [1, 2]\n')
    const { code, output } = await bancada(server.url, 'run', file)
    expect(code).toBe(2)
    expect(output).toMatch(/line 5/)
    expect(output).toMatch(/rnak/)
    expect(output).toMatch(/rank/)
  })
})
