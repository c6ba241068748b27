import { describe, expect, it } from 'vitest'
import type { Run } from '../server/contracts/index.js'
import { compareRuns } from './comparison.js'
import { haveRepeats, pooled } from './repeats.js'
import { columnsOf, type ColumnExample } from './score-columns.js'
import { randomWords } from './statistics/random.js'

function run(cell: number, repeat: number): Run {
  return {
    id: `c${cell}r${repeat}`, name: `cell ${cell} (repeat ${repeat + 1})`, experimentId: 'e', experimentName: 'Exp', kind: 'prompt', cell, repeat, seed: 1, params: {}, varied: {}, dataset: 'd', status: 'succeeded', attempt: 1,
    progress: null, summary: null, error: null, environment: null, pickedStep: null, colorSlot: 0, worker: null, latest: {}, createdAt: '', startedAt: null, finishedAt: null,
  }
}

const columns = (scores: (number | null)[]) =>
  columnsOf(
    scores.map((accuracy, item): ColumnExample => ({ itemId: `i${item}`, cluster: null, status: accuracy === null ? 'error' : 'scored', scores: accuracy === null ? {} : { accuracy }, latencyMs: 5, ttftMs: null, costUsd: 0.5 })),
    'accuracy',
  )

describe('repeats of a cell', () => {
  it('become one arm whose items score their mean over the repeats that scored them', () => {
    const [arm] = pooled([{ run: run(0, 0), columns: columns([1, 0, null, null]) }, { run: run(0, 1), columns: columns([0, 0, 1, null]) }])
    expect(arm).toMatchObject({ name: 'cell 0', runIds: ['c0r0', 'c0r1'], answerVariance: 0.25, columns: { costUsd: 2.5, itemIds: ['i0', 'i1', 'i2', 'i3'] } })
    expect(Array.from(arm?.columns.scores ?? [])).toEqual([0.5, 0, 1, NaN])
    expect(Array.from(arm?.columns.failed ?? [])).toEqual([0, 0, 0, 1])
  })

  it('are no further items: n stays, and the test knows no more than the items tell', () => {
    const next = randomWords(3)
    const draw = (p: number) => Array.from({ length: 80 }, () => (next() / 2 ** 32 < p ? 1 : 0))
    const runs = [0, 1].flatMap((cell) => [0, 1, 2].map((repeat) => ({ run: run(cell, repeat), columns: columns(draw(0.6)) })))
    const comparison = compareRuns({ metric: 'accuracy', baselineId: 'c0r1', runs, repeats: 'pooled' })
    expect(comparison).toMatchObject({ baselineId: 'c0r0', repeats: 'pooled', tests: [{ n: 80, method: 'permutation', runId: 'c1r0' }], runs: [{ summary: { n: 80 } }, { runIds: ['c1r0', 'c1r1', 'c1r2'] }] })
    expect(comparison.warnings.join()).not.toContain('repeats of one cell')
  })

  it('are told apart from runs of other cells', () => {
    expect(haveRepeats([run(0, 0), run(1, 0)])).toBe(false)
    expect(haveRepeats([run(0, 0), run(0, 1)])).toBe(true)
    const runs = [run(0, 0), run(0, 1)].map((one) => ({ run: one, columns: columns([1, 0, 1]) }))
    expect(compareRuns({ metric: 'accuracy', baselineId: 'c0r0', runs }).warnings.join()).toContain('repeats of one cell')
  })
})
