import { describe, expect, it } from 'vitest'
import { parameterImportance } from './importance.js'

const runs = (rows: [number, string, number][]) => rows.map(([rank, schedule, score]) => ({ varied: { rank, schedule }, score }))

describe('parameterImportance', () => {
  it('is η² and ω² of one-way analysis of variance: groups 1, 2, 3 and 4, 5, 6 give 13.5/17.5 and 12.5/18.5', () => {
    const { axes, n } = parameterImportance(runs([[1, 'a', 1], [1, 'a', 2], [1, 'a', 3], [2, 'a', 4], [2, 'a', 5], [2, 'a', 6]]), ['rank', 'schedule'])
    expect([n, axes.map(({ axis }) => axis)]).toEqual([6, ['rank']])
    expect(axes[0]?.share).toBeCloseTo(13.5 / 17.5, 12)
    expect(axes[0]?.corrected).toBeCloseTo(12.5 / 18.5, 12)
    // Of the 20 ways to split six scores into two groups of three, two part them as much.
    expect(axes[0]?.p).toBeGreaterThan(0.08)
    expect(axes[0]?.p).toBeLessThan(0.12)
  })

  it('splits a full grid into main effects, the larger first', () => {
    const grid = [1, 2, 4].flatMap((rank) => ['linear', 'cosine'].map((schedule): [number, string, number] => [rank, schedule, rank + (schedule === 'cosine' ? 10 : 0)]))
    const { axes } = parameterImportance(runs(grid), ['rank', 'schedule'])
    expect(axes.map(({ axis }) => axis)).toEqual(['schedule', 'rank'])
    expect(axes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12)
  })

  it('leaves out runs without a score, puts numbers of many values into four groups, and warns of few runs', () => {
    const many = Array.from({ length: 40 }, (_, index) => ({ varied: { rate: index / 100 }, score: index === 7 ? NaN : index }))
    const { n, axes, isUncertain } = parameterImportance(many, ['rate'])
    expect([n, axes[0]?.groups, axes[0]?.isBinned, isUncertain]).toEqual([39, 4, true, false])
    expect(axes[0]?.share).toBeGreaterThan(0.9)
    expect(parameterImportance(many.slice(0, 5), ['rate']).isUncertain).toBe(true)
  })

  it('has nothing to say of equal scores', () => {
    expect(parameterImportance(runs([[1, 'a', 1], [2, 'a', 1], [2, 'b', 1]]), ['rank', 'schedule']).axes).toEqual([])
    // The mean of ten times 83/150 is not quite 83/150.
    const alike = Array.from({ length: 10 }, (_, index) => ({ varied: { shots: index % 5 }, score: 83 / 150 }))
    expect(parameterImportance(alike, ['shots']).axes).toEqual([])
  })
})
