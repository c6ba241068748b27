import { describe, expect, it } from 'vitest'
import * as format from './format.js'

const plain = (text: string): string => text.replaceAll('\u202f', ' ').replaceAll('\u2212', '-')
const share = format.metricStyle('accuracy')
const nats = format.metricStyle('loss')

describe('figures', () => {
  it.each([
    [null, '–'], ['NaN', 'NaN'], ['Infinity', '∞'], ['-Infinity', '-∞'], [0, '0'], [16, '16'], [12345.6, '12,346'],
    [0.12345, '0.123'], [0.012345, '0.0123'], [0.0002, '2.00e-4'], [-1.5, '-1.500'], [3e9, '3.00e9'],
  ] as const)('%s', (value, text) => {
    expect(plain(format.formatFloat(value))).toBe(text)
  })

  it.each([
    [0, '0'], [-0, '0'], [0.0005, '0.0005'], [0.00002, '2e-5'], [-0.25, '-0.25'], [150_000, '150,000'], [12_500_000, '12.5M'], [1.5e12, '1.5e12'], [Infinity, '∞'],
  ])('tick %s', (value, text) => {
    expect(plain(format.formatTick(value))).toBe(text)
  })

  it('writes shares as per cent and others as they are', () => {
    expect(plain(format.formatMetric(0.8625, share))).toBe('86.3 %')
    expect(format.formatMetric(0.8625, nats)).toBe('0.863')
    expect(format.formatMetric('NaN', share)).toBe('NaN')
    expect(plain(format.formatInterval(0.81, 0.899, share))).toBe('81.0–89.9 %')
    expect(plain(format.formatInterval(-0.1, 0.2, nats))).toBe('-0.100 to 0.200')
    expect(format.formatInterval(null, 1, share)).toBe('')
    expect(share).toEqual({ label: 'Accuracy', isShare: true, unit: '%', higherIsBetter: true, most: 1 })
    expect(nats).toEqual({ label: 'Loss', isShare: false, unit: 'nats/token', higherIsBetter: false, most: null })
    expect(format.metricStyle('own')).toEqual({ label: 'own', isShare: false, unit: '', higherIsBetter: true, most: null })
  })

  it('writes differences with sign and arrow', () => {
    const delta = (value: number): string => plain(`${format.formatDelta(value, share)?.arrow} ${format.formatDelta(value, share)?.text}`)
    expect(delta(0.032)).toBe('▲ +3.2 pp')
    expect(delta(-0.05)).toBe('▼ -5.0 pp')
    expect(delta(0.0001)).toBe('= ±0.0 pp')
    expect(format.formatDelta(null, share)).toBeNull()
  })

  it('never shows an unknown cost as free', () => {
    expect(format.formatCost(null)).toBe('unknown')
    expect(format.formatCost(0)).toBe('$0')
    expect(format.formatCost(0.0123)).toBe('$0.0123')
    expect(plain(format.formatCost(0.0000021))).toBe('$2.1e-6')
  })

  it.each([
    [412.4, '412 ms'], [41.25, '41.3 ms'], [0.831, '0.83 ms'], [12_345, '12,345 ms'], [null, '–'],
  ])('latency %s', (value, text) => {
    expect(plain(format.formatMs(value))).toBe(text)
  })

  it.each([
    [420, '420 ms'], [12_340, '12.3 s'], [59_990, '1 min 00 s'], [252_000, '4 min 12 s'], [7_500_000, '2 h 05 min'], [null, '–'],
  ])('duration %s', (value, text) => {
    expect(plain(format.formatDuration(value))).toBe(text)
  })

  it('writes sizes, ages and parameters', () => {
    expect(plain(format.formatBytes(1536))).toBe('1.5 KiB')
    expect(format.formatAgo(0, 120_000)).toBe('2 min ago')
    expect(format.formatParameter(['q_proj'])).toBe('["q_proj"]')
    expect(format.formatParameter({ provider: 'openai', model: 'm' })).toBe('m')
    expect(format.shorten('a  b\nc d', 5)).toBe('a b …')
  })
})

describe('metrics of one’s own', () => {
  it('are told by what runs say of them', () => {
    expect(format.metricStyle('steps', { higherIsBetter: false, unit: 'steps' })).toMatchObject({ label: 'steps', unit: 'steps', higherIsBetter: false, isShare: false, most: null })
    expect(format.metricStyle('steps')).toMatchObject({ unit: '', higherIsBetter: true })
    expect(format.metricStyle('loss', { higherIsBetter: true })).toMatchObject({ higherIsBetter: false })
  })
})
