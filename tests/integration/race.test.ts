/**
 * Races through every room: real server, real worker, real retrieval; and the worker killed in the
 * middle. Whatever happens, no item is answered twice and the decision is the same.
 */
import { describe, expect, it } from 'vitest'
import type { Comparison, CreatedExperiment, Example, Experiment, Run } from '../../server/contracts/index.js'
import { bancada, isOver, killTree, startServer, startWorker, temporaryFolder, until } from '../support/bancada.js'
import { Workbench } from '../support/workbench.js'

/** With one chunk little of a passage is found, with twenty nearly all of it. */
const RACE = { name: 'Chunks raced', kind: 'rag', dataset: 'sotu', strategy: 'race', axes: { k: [1, 20, 21] }, fixed: { retriever: 'bm25', chunkSize: 200, limit: 80 }, metrics: ['recall'] }

async function answeredBy(get: <T>(path: string) => Promise<T>, run: Run | undefined): Promise<string[]> {
  const { examples } = await get<{ examples: Example[] }>(`/api/runs/${run?.id}/examples?limit=1000`)
  return examples.map((example) => example.itemId)
}

describe('a race', () => {
  it('stops the worse run early, spends its calls on the others and says why', async () => {
    await using bench = await Workbench.open('racer')
    const { server } = bench
    const experiment = await bench.run(RACE)
    const [one, twenty, more] = experiment.runs
    expect(experiment.runs.map((run) => [run.name, run.status, run.error])).toEqual([['k=1', 'stopped', null], ['k=20', 'succeeded', null], ['k=21', 'succeeded', null]])
    expect(experiment.status).toBe('succeeded')
    expect(one?.race).toMatchObject({ outcome: 'stopped', reason: expect.stringMatching(/^Stopped at look \d of \d+, after \d+ of 80 items: worse than k=2[01] on Recall@k by 0\.\d+ \(n = \d+ paired items; p = /) })
    expect(one?.summary?.metrics['recall']?.n).toBe(one?.race?.items)
    expect(twenty?.race).toMatchObject({ items: 80, outcome: 'tied', reason: expect.stringContaining('Tied for the best on Recall@k') })

    const answered = await Promise.all([one, twenty, more].map((run) => answeredBy(server.get, run)))
    expect(answered.map((items) => items.length)).toEqual([one?.race?.items, 80, 80])
    for (const items of answered) expect(new Set(items).size).toBe(items.length)
    // Common random numbers: what the stopped run answered is how the others began.
    expect(new Set(answered[1]?.slice(0, answered[0]?.length))).toEqual(new Set(answered[0]))

    const comparison = await server.get<Comparison>(`/api/compare?runs=${experiment.runs.map((run) => run.id).join(',')}`)
    expect(comparison.warnings.join()).toContain('Some of these runs were raced')
    const shown = await bancada(server.url, 'show', experiment.id)
    expect(shown.output).toContain('stopped')
    expect(shown.output).toContain('Stopped at look')
  })

  it('survives kill -9 of the worker between and within rounds', async () => {
    await using home = await temporaryFolder()
    await using server = await startServer(home.path)
    const created = await server.post<CreatedExperiment>('/api/experiments', RACE)
    const read = () => server.get<Experiment>(`/api/experiments/${created.id}`)
    const doomed = startWorker(server.url, home.path, 'doomed')
    await until(read, ({ runs }) => runs.some((run) => run.attempt >= 2))
    killTree(doomed)
    await using _heir = startWorker(server.url, home.path, 'heir')
    const experiment = await until(read, isOver)
    expect(experiment.runs.map((run) => [run.name, run.status, run.error])).toEqual([['k=1', 'stopped', null], ['k=20', 'succeeded', null], ['k=21', 'succeeded', null]])
    for (const run of experiment.runs) {
      const items = await answeredBy(server.get, run)
      expect(new Set(items).size).toBe(items.length)
      expect(items.length).toBe(run.race?.items)
      expect(run.summary?.metrics['recall']?.n).toBe(items.length)
    }
  })
})
