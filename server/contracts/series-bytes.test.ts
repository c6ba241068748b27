import { describe, expect, it } from 'vitest'
import type { RunSeries, SeriesColumns } from './metric.js'
import { readSeries, writeSeries } from './series-bytes.js'

const base = { key: 'train/loss', points: 7, startTime: 1_000.25, lastSteps: [0, 5, 70_000], times: [0, 40, 5_000_000_000] }
const spread = { gaps: [0, 1, 300], mins: [1.5, null, -2.25], maxs: [2, null, 3], ns: [3, 2, 2], nonFinites: [0, 2, 1] }
const points = (series: Partial<SeriesColumns> = {}): SeriesColumns => ({ ...base, lasts: [0.1, 'NaN', '-Infinity'], spread: null, ...series })
const asBuffer = (runs: RunSeries[], digits?: number): ArrayBuffer => writeSeries(runs, digits).slice().buffer

describe('writeSeries and readSeries', () => {
  it('bring back what was written, to the last digit where all are asked for', () => {
    const runs = [
      { runId: 'a', series: [points(), points({ key: 'café', spread })] },
      { runId: 'b', series: [] },
      { runId: 'c', series: [points({ spread }), points({ lastSteps: [], lasts: [], times: [] }), points({ times: [5, -3, 0] })] },
    ]
    expect(readSeries(asBuffer(runs))).toEqual(runs)
  })

  it('keep seven digits in single precision, and more where a value does not fit it', () => {
    const [read] = readSeries(asBuffer([{ runId: 'a', series: [points({ lasts: [0.123456789, 1e-30, 7] }), points({ lasts: [1e300, 0.123456789, 'Infinity'] })] }], 7))
    const [single, double] = read?.series ?? []
    expect(single?.lasts).toEqual([0.123456789, 1e-30, 7].map(Math.fround))
    expect(double?.lasts).toEqual([1e300, 0.123456789, 'Infinity'])
  })

  it('write a column that equals the one of the series before as one byte', () => {
    const long = { lastSteps: Array.from({ length: 1_000 }, (_, index) => index ** 2), lasts: Array.from({ length: 1_000 }, () => 1), times: Array.from({ length: 1_000 }, (_, index) => index % 7) }
    const sizeOf = (count: number): number => asBuffer([{ runId: 'a', series: Array.from({ length: count }, () => points(long)) }]).byteLength
    expect(sizeOf(1)).toBeGreaterThan(2_000)
    expect(sizeOf(3) - sizeOf(2)).toBeLessThan(150)
    expect(sizeOf(2) - sizeOf(1)).toBe(sizeOf(3) - sizeOf(2))
  })

  it('refuse what another version wrote', () => {
    const bytes = writeSeries([{ runId: 'a', series: [points()] }])
    bytes[4 + new DataView(bytes.buffer).getUint32(0, true)] = 99
    expect(() => readSeries(bytes.slice().buffer)).toThrow('A column of series is of kind 99')
    expect(() => readSeries(writeSeries([{ runId: 'a', series: [points()] }]).slice(0, -4).buffer)).toThrow(RangeError)
  })
})
