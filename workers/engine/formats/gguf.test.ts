import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EngineError } from '../engine-error.js'
import { readGguf, readGgufTensor } from './gguf.js'
import { encodeTensor, type GgufValue, type WrittenType } from './gguf-types.js'
import { fittingType, writeGguf } from './gguf-writer.js'

let folder = ''
let path = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gguf-'))
  path = join(folder, 'small.gguf')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const metadata = new Map<string, GgufValue>([
  ['general.architecture', { type: 'string', value: 'llama' }],
  ['a.byte', { type: 'u8', value: 200 }], ['a.short', { type: 'i16', value: -300 }], ['a.int', { type: 'i32', value: -70000 }], ['a.long', { type: 'u64', value: 2n ** 63n }],
  ['a.float', { type: 'f32', value: 0.5 }], ['a.double', { type: 'f64', value: 0.1 }], ['a.flag', { type: 'bool', value: true }],
  ['a.texts', { type: 'array', of: 'string', value: ['olá', '', '▁'] }], ['a.numbers', { type: 'array', of: 'i32', value: [1, -2, 3] }],
])
const values = Float32Array.from({ length: 192 }, (_, index) => Math.sin(index) * 3)
const shapes: Record<WrittenType, number[]> = { F32: [3, 2, 32], F16: [192], BF16: [4, 48], Q8_0: [6, 32] }

/** Given in pieces of two blocks, as rows come. */
const write = (): void => writeGguf(path, {
  metadata,
  tensors: (['F32', 'F16', 'BF16', 'Q8_0'] as const).map((type) => ({ name: `weight.${type}`, shape: shapes[type], type, rows: () => [values.subarray(0, 64), values.subarray(64)] })),
})

describe('GGUF files', () => {
  it('read back as they were written', () => {
    write()
    const file = readGguf(path)
    expect(file.version).toBe(3)
    expect(file.metadata).toEqual(metadata)
    expect([...file.tensors].map(([name, { type, shape, begin }]) => [name, type, shape, begin % 32])).toEqual(Object.entries(shapes).map(([type, shape]) => [`weight.${type}`, type, shape, 0]))
    for (const [type, tolerance] of [['F32', 0], ['F16', 1e-3], ['BF16', 1e-2], ['Q8_0', 1.3e-2]] as const) {
      const read = readGgufTensor(file, `weight.${type}`)
      expect(Math.max(...read.map((value, index) => Math.abs(value - (values[index] ?? NaN))))).toBeLessThanOrEqual(tolerance)
    }
  })

  it('put the dimensions the other way round and pad to 32 bytes, as llama.cpp does', () => {
    writeGguf(path, { metadata: new Map(), tensors: [{ name: 'x', shape: [2, 3], type: 'F16', rows: () => [Float32Array.of(1, 2, 3, 4, 5, 6)] }] })
    expect(readFileSync(path).toString('hex')).toBe(
      ['47475546', '03000000', '0100000000000000', '0000000000000000', '0100000000000000', '78', '02000000', '0300000000000000', '0200000000000000', '01000000', '0000000000000000', '00'.repeat(31),
        '003c', '0040', '0042', '0044', '0045', '0046', '00'.repeat(20)].join(''))
  })

  it('hold 8-bit blocks bit for bit as llama.cpp quantizes them', () => {
    // From gguf.quants.quantize(x, Q8_0) of llama.cpp's gguf-py.
    const waves = Float32Array.from({ length: 64 }, (_, index) => Math.sin(index * 0.7) * (1 + (index % 5)))
    const sample = waves.map((value, index) => (index < 32 ? value : Math.fround(value * Math.fround(1e-3))))
    expect(Buffer.from(encodeTensor(sample, 'Q8_0').buffer).toString('hex')).toBe(
      '012900214c582bf7d3b5bf0211334221d1e9ced10356192b17d98ee7e104467f150f8202e1a281f10436686c07eab99bb502254e5521f5d0b4c50d13343f19c6e8ced50c')
    const halves = Float32Array.from({ length: 32 }, (_, index) => [0.5, 1.5, -0.5, -2.5, 127][index] ?? 0)
    expect(Buffer.from(encodeTensor(halves, 'Q8_0').buffer).toString('hex')).toBe(`003c0102fffd7f${'00'.repeat(27)}`)
    expect(new Uint8Array(encodeTensor(new Float32Array(32), 'Q8_0').buffer)).toEqual(new Uint8Array(34))
  })

  it('fall back to F16 where rows do not hold whole blocks', () => {
    expect([fittingType('Q8_0', [64, 172]), fittingType('Q8_0', [172, 64]), fittingType('F32', [3, 5])]).toEqual(['F16', 'Q8_0', 'F32'])
  })

  it('are not written with rows missing', () => {
    const before = readFileSync(path)
    expect(() => writeGguf(path, { metadata, tensors: [{ name: 'x', shape: [2, 32], type: 'Q8_0', rows: () => [values.subarray(0, 32)] }] })).toThrow(/tensor "x" Q8_0 \[2, 32\] needs 68 bytes, its rows gave 34/)
    expect(readFileSync(path).equals(before)).toBe(true)
  })
})

describe('broken GGUF files', () => {
  const broken = (change: (bytes: Buffer) => Buffer): string => {
    write()
    const bad = join(folder, 'bad.gguf')
    writeFileSync(bad, change(readFileSync(path)))
    return bad
  }
  const put = (at: number, text: string) => (bytes: Buffer): Buffer => Buffer.concat([bytes.subarray(0, at), Buffer.from(text, 'hex'), bytes.subarray(at + text.length / 2)])

  it.each([
    ['another file', put(0, '50445546'), /begins with "PDUF"/],
    ['a version of the future', put(4, '09000000'), /is of version 9; versions 2 and 3/],
    ['more tensors than bytes', put(8, 'ffffffffff000000'), /claims 1099511627775 tensors, more than its/],
    ['an impossible count', put(16, 'ffffffffffffffff'), /gives 18446744073709552000 as the number of metadata fields/],
    ['a text longer than the file', put(24, 'ffffff0000000000'), /claims 16777215 bytes of a text/],
    ['a cut end', (bytes: Buffer) => bytes.subarray(0, -40), /it is truncated/],
    ['a cut header', (bytes: Buffer) => bytes.subarray(0, 60), /more than its 60 bytes|truncated/],
  ])('are refused: %s', (_, change, message) => {
    const bad = broken(change)
    expect(() => readGguf(bad)).toThrow(message)
    expect(() => readGguf(bad)).toThrow(bad)
  })

  it('are refused where nothing is there, and for numbers that cannot be read', () => {
    expect(() => readGguf(join(folder, 'none'))).toThrow(/cannot open the GGUF file/)
    write()
    expect(() => readGgufTensor(readGguf(path), 'other')).toThrow(/has no tensor "other"/)
  })

  it('answer any corrupted byte with a clean read or an EngineError', () => {
    write()
    const good = readFileSync(path)
    const header = Math.min(...[...readGguf(path).tensors.values()].map(({ begin }) => begin))
    const bad = join(folder, 'fuzz.gguf')
    let refused = 0
    for (let at = 0; at < header; at++) {
      const bytes = Buffer.from(good)
      bytes[at] = (bytes[at] ?? 0) ^ ([1, 16, 128][at % 3] ?? 0)
      writeFileSync(bad, bytes)
      try {
        const file = readGguf(bad)
        for (const [name, { end }] of file.tensors) {
          expect(end ?? 0).toBeLessThanOrEqual(good.length)
          readGgufTensor(file, name)
        }
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError)
        refused++
      }
    }
    expect(refused).toBeGreaterThan(header / 2)
  })
})
