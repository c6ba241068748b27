import { expect, it } from 'vitest'
import type { Experiment, Run } from '../../../server/contracts/run.js'
import { ChangedRuns } from './changed-runs.js'

/** A server with one experiment, of which it writes down what it was asked. */
function server(count: number) {
  const runs = Array.from({ length: count }, (_, index) => ({ id: `r${index}`, status: 'queued' }) as Run)
  const asked: (readonly string[] | 'whole')[] = []
  const answer = (shown: readonly Run[]): Experiment =>
    ({ id: 'e', status: 'running', runCounts: { queued: runs.length }, runs: [...shown], expectedCosts: shown.filter(({ status }) => status === 'succeeded').map(({ id }) => ({ runId: id })) }) as unknown as Experiment
  const changed = new ChangedRuns({
    whole: async () => {
      asked.push('whole')
      return answer(runs)
    },
    some: async (one) => {
      asked.push(one.runs)
      if (one.runs.includes('r9')) throw new Error('no such run')
      return answer(runs.filter(({ id }) => one.runs.includes(id)))
    },
  })
  const set = (index: number, status: Run['status']): void => {
    runs[index] = { ...runs[index], status } as Run
    changed.note({ runId: `r${index}` })
  }
  return { asked, runs, changed, set, read: () => changed.read('e', new AbortController().signal) }
}

it('reads an experiment whole once, then the runs that changed', async () => {
  const { asked, changed, set, read } = server(3)
  const first = await read()
  set(2, 'succeeded')
  set(0, 'running')
  changed.note({ runId: null })
  const second = await read()
  expect(second.runs.map(({ id, status }) => `${id} ${status}`)).toEqual(['r0 running', 'r1 queued', 'r2 succeeded'])
  expect(second.runs[1]).toBe(first.runs[1])
  set(0, 'succeeded')
  const third = await read()
  expect(third.expectedCosts.map(({ runId }) => runId)).toEqual(['r0', 'r2'])
  expect((await read()).runs).toBe(third.runs)
  expect(asked).toEqual(['whole', ['r2', 'r0'], ['r0'], []])
})

it('reads all anew where runs are new, many changed, a read failed or nobody knows what changed', async () => {
  const { asked, changed, runs, set, read } = server(3)
  await read()
  runs.push({ id: 'r3', status: 'queued' } as Run)
  expect((await read()).runs).toHaveLength(4)
  changed.forget()
  await read()
  changed.note({ runId: 'r9' })
  await expect(read()).rejects.toThrow('no such run')
  set(1, 'running')
  expect((await read()).runs[1]?.status).toBe('running')
  for (let index = 0; index < 101; index++) changed.note({ runId: `x${index}` })
  await read()
  expect(asked).toEqual(['whole', [], 'whole', 'whole', ['r9'], 'whole', 'whole'])
})
