import { describe, expect, it } from 'vitest'
import { bytes, dollars, duration, milliseconds, number, score, table } from './format.js'

describe('figures in a terminal', () => {
  it('keeps its unit and never shows an unknown cost as zero', () => {
    expect([dollars(null), dollars(0), dollars(0.00123), dollars(4.5)]).toEqual(['unknown', '$0.0', '$0.0012', '$4.50'])
    expect([milliseconds(null), milliseconds(3.25), milliseconds(742.4), milliseconds(12_345)]).toEqual(['–', '3.3 ms', '742 ms', '12.3 s'])
    expect([duration(4_400), duration(65_000), duration(3_720_000)]).toEqual(['4 s', '1 min 5 s', '1 h 2 min'])
    expect([bytes(12), bytes(1_500), bytes(10_800_000)]).toEqual(['12 B', '1.5 KB', '10.8 MB'])
  })

  it('shows a diverged value by name', () => {
    expect([number(Number.NaN), number(Infinity), number(0.00002), number(1234.56)]).toEqual(['NaN', 'Infinity', '2.00e-5', '1234.6'])
  })

  it('shows no score without n and interval', () => {
    expect(score({ mean: 0.9, n: 50, low: 0.786, high: 0.957, method: 'wilson', higherIsBetter: true })).toBe('0.900 [0.786, 0.957] n=50')
    expect(score({ mean: 'NaN', n: 0, low: null, high: null, method: 'none', higherIsBetter: false })).toBe('NaN n=0')
    expect(score(undefined)).toBe('–')
  })

  it('aligns numbers to the right', () => {
    expect(table(['run', 'loss'], [['rank=1', '0.5'], ['rank=16', '12.25']], new Set([1]))).toBe('run       loss\n───────  ─────\nrank=1     0.5\nrank=16  12.25')
  })
})
