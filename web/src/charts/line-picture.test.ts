import { describe, expect, it } from 'vitest'
import type { Chart } from './chart-setup.js'
import { lineSvg, type LinePicture } from './line-picture.js'

/** A linear scale from values to pixels. */
const scale = (title: string, ticks: number[], pixel: (value: number) => number) => ({
  type: 'linear', ticks: ticks.map((value) => ({ value, label: String(value) })), options: { title: { text: title } }, getPixelForValue: pixel, getPixelForTick: (index: number) => pixel(ticks[index] ?? 0),
})
const chart = {
  width: 960, height: 480, chartArea: { left: 50, right: 950, top: 10, bottom: 430, width: 900, height: 420 },
  scales: { x: scale('step', [0, 100], (x) => 50 + x * 9), y: scale('loss, nats per token', [0, 4], (y) => 430 - y * 105) },
} as unknown as Chart
const theme = { text: '#555555', grid: '#eeeeee', surface: '#ffffff', strong: '#111111', line: '#999999', good: '#0072b2', bad: '#d55e00' }
const line = (label: string, ys: number[], more = {}) => ({ label, data: ys.map((y, x) => ({ x: x * 50, y })), borderColor: '#0072b2', borderWidth: 1.5, ...more })

const svgOf = (more: Partial<LinePicture> = {}) =>
  lineSvg({
    chart, marks: [], title: 'Sweep: loss', theme, measure: (text) => text.length * 6,
    drawing: { bands: [{ low: [{ x: 0, y: 1 }, { x: 100, y: 1 }], high: [{ x: 0, y: 2 }, { x: 100, y: 2 }], color: '#0072b224' }], datasets: [line('rank=4', [4, 2, 1]), line('', [3, 2, 1]), line('rank=8', [3, NaN, 1], { borderDash: [6, 4], pointRadius: 2.5 })] },
    ...more,
  })

describe('a line chart as a drawing', () => {
  it('has the title, both axes by name, their ticks, each named line in the legend, and the ground of the theme', () => {
    const { text, width } = svgOf()
    const words = [...text.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1])
    expect(words).toEqual(['Sweep: loss', '0', '100', '0', '4', 'step', 'loss, nats per token', 'rank=4', 'rank=8'])
    expect(text).toContain(`<rect width="${width}" height="`)
    expect(text).toContain('fill="#ffffff"')
  })

  it('draws lines where the values are, breaks them at gaps, and fills the bands half through', () => {
    const { text } = svgOf()
    expect(text).toContain('d="M50 10L500 220L950 325"')
    expect(text).toContain('d="M50 115M950 325" fill="none" stroke="#0072b2" stroke-width="1.5" stroke-dasharray="6 4"')
    expect(text.match(/<circle/g)).toHaveLength(2)
    expect(text).toContain('d="M50 220L950 220L950 325L50 325Z" fill="#0072b2" fill-opacity="14.1%"')
  })

  it('writes marks and names that hold signs of XML as they are meant', () => {
    const { text } = svgOf({ title: 'a < b & "c"', marks: [{ x: 50, label: 'best', kind: 'good' }, { x: 10, label: '', kind: 'tick' }, { x: 999, label: 'beyond', kind: 'bad' }] })
    expect(text).toContain('a &lt; b &amp; &quot;c&quot;')
    expect(text).toContain('>best</text>')
    expect(text).not.toContain('beyond')
  })

  it('names sixty lines and counts the others, in rows that make room for themselves', () => {
    const [few, many] = [svgOf(), svgOf({ drawing: { bands: [], datasets: Array.from({ length: 75 }, (_, index) => line(`learningRate=0.000${index}`, [1, 2, 3])) } })]
    expect(many.text.match(/learningRate/g)).toHaveLength(60)
    expect(many.text).toContain('+ 15')
    expect(many.height).toBeGreaterThan(few.height)
  })
})
