import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EngineError } from '../engine-error.js'
import { float32ToBfloat16 } from './half-floats.js'
import { readSafetensors, readSafetensorsHeader, readTensorF32, writeSafetensors } from './safetensors.js'
import { openWeights } from './weights.js'

let folder = ''
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'safetensors-')) })
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

function writeRaw(name: string, header: string, dataBytes: number): string {
  const json = Buffer.from(header)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  const path = join(folder, name)
  writeFileSync(path, Buffer.concat([length, json, Buffer.alloc(dataBytes)]))
  return path
}

describe('safetensors', () => {
  it('reads back what it wrote, aligned, with metadata', () => {
    const path = join(folder, 'model.safetensors')
    const values = Float32Array.of(1.5, -2, 3.25, NaN, Infinity, 0)
    writeSafetensors(path, new Map([
      ['half', { dtype: 'BF16', shape: [3], data: float32ToBfloat16(Float32Array.of(1, -0.5, 2)) }],
      ['f', { dtype: 'F32', shape: [2, 3], data: values }],
      ['ids', { dtype: 'I64', shape: [2], data: BigInt64Array.of(7n, -1n) }],
      ['scalar', { dtype: 'F32', shape: [], data: Float32Array.of(9) }],
      ['empty', { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) }],
    ]), { format: 'pt' })
    const { tensors, metadata } = readSafetensors(path)
    expect(metadata).toEqual({ format: 'pt' })
    const get = (name: string) => {
      const entry = tensors.get(name)
      if (entry === undefined) throw new Error(`no ${name}`)
      return entry
    }
    expect(readTensorF32(path, get('f'))).toEqual(values)
    expect(readTensorF32(path, get('half'))).toEqual(Float32Array.of(1, -0.5, 2))
    expect(readTensorF32(path, get('scalar'))).toEqual(Float32Array.of(9))
    expect(readTensorF32(path, get('empty')).length).toBe(0)
    expect(() => readTensorF32(path, get('ids'))).toThrow(/dtype I64/)
    expect(Math.min(...[...tensors.values()].map((t) => t.begin)) % 8).toBe(0)
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([])
    expect([...openWeights(folder).keys()].sort()).toEqual(['empty', 'f', 'half', 'ids', 'scalar'])
  })

  it('writes tensors that come in pieces, and refuses pieces that do not add up', () => {
    const path = join(folder, 'pieces.safetensors')
    const pieces = function* () { yield Float32Array.of(1, 2); yield Float32Array.of(3) }
    writeSafetensors(path, new Map([['a', { dtype: 'F32', shape: [3], data: pieces }]]))
    expect([...readSafetensorsHeader(path).values()].map((entry) => [...readTensorF32(path, entry)])).toEqual([[1, 2, 3]])
    const good = readFileSync(path)
    expect(() => writeSafetensors(path, new Map([['a', { dtype: 'F32', shape: [4], data: pieces }]]))).toThrow(/"a": F32 \[4\] needs 16 bytes, its data has 12/)
    expect(readFileSync(path)).toEqual(good)
  })

  const entry = (begin: number, end: number, shape = '[2]', dtype = 'F32') => `{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`
  it.each([
    ['overlap', `{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, 12, /"b" overlaps/],
    ['hole', `{"a":${entry(0, 8)},"b":${entry(12, 20)}}`, 20, /"b" leaves a hole/],
    ['truncated', `{"a":${entry(0, 8)}}`, 4, /truncated/],
    ['trailing', `{"a":${entry(0, 8)}}`, 9, /unclaimed/],
    ['length', `{"a":${entry(0, 8, '[3]')}}`, 8, /"a": F32 \[3\] needs 12 bytes/],
    ['dtype', `{"a":${entry(0, 8, '[2]', 'F31')}}`, 8, /dtype "F31" is unknown/],
    ['shape', `{"a":${entry(0, 8, '[-2]')}}`, 8, /shape \[-2\]/],
    ['twice', `{"a":${entry(0, 8)},"a":${entry(0, 8)}}`, 8, /"a" is named twice/],
    ['json', '{"a":', 8, /not UTF-8 JSON/],
    ['list', '[1]', 0, /not a JSON object/],
    ['metadata', '{"__metadata__":{"x":1}}', 0, /__metadata__\.x/],
  ])('refuses a header with a fault: %s', (name, header, dataBytes, message) => {
    const path = writeRaw(`${name}.bin`, header, dataBytes)
    expect(() => readSafetensorsHeader(path)).toThrow(message)
    expect(() => readSafetensorsHeader(path)).toThrow(path)
  })

  it('refuses a header longer than the file, and no file', () => {
    const path = join(folder, 'long.bin')
    writeFileSync(path, Buffer.from([255, 255, 255, 255, 255, 255, 255, 127, 1]))
    expect(() => readSafetensorsHeader(path)).toThrow(/claims a header of 9223372036854775807 bytes/)
    expect(() => readSafetensorsHeader(join(folder, 'none'))).toThrow(/cannot open/)
  })

  it('answers any corrupted byte with a clean read or an EngineError', () => {
    const path = join(folder, 'fuzz.bin')
    writeSafetensors(path, new Map([
      ['a', { dtype: 'F32', shape: [2, 2], data: new Float32Array(4) }],
      ['b', { dtype: 'BF16', shape: [3], data: new Uint16Array(3) }],
    ]))
    const good = readFileSync(path)
    const end = 8 + Number(good.readBigUInt64LE())
    let refused = 0
    for (let i = 0; i < end; i++) {
      for (const change of [1, 16, 128]) {
        const bad = Buffer.from(good)
        bad[i] = (bad[i] ?? 0) ^ change
        writeFileSync(path, bad)
        try {
          for (const t of readSafetensorsHeader(path).values()) expect(t.end).toBeLessThanOrEqual(good.length)
        } catch (error) {
          expect(error).toBeInstanceOf(EngineError)
          refused++
        }
      }
    }
    expect(refused).toBeGreaterThan(end)
  })

  it('joins shards through their index and refuses a wrong index', () => {
    const sharded = mkdtempSync(join(folder, 'shards-'))
    const one = { dtype: 'F32', shape: [1], data: Float32Array.of(1) } as const
    writeSafetensors(join(sharded, 's1.safetensors'), new Map([['a', one]]))
    writeSafetensors(join(sharded, 's2.safetensors'), new Map([['b', one]]))
    const index = join(sharded, 'model.safetensors.index.json')
    writeFileSync(index, JSON.stringify({ weight_map: { a: 's1.safetensors', b: 's2.safetensors' } }))
    expect([...openWeights(sharded)].map(([name, e]) => [name, e.file.slice(-14)])).toEqual([['a', 's1.safetensors'], ['b', 's2.safetensors']])
    writeFileSync(index, JSON.stringify({ weight_map: { a: 's1.safetensors', b: 's1.safetensors' } }))
    expect(() => openWeights(sharded)).toThrow(/"b" is not in s1/)
    writeFileSync(index, JSON.stringify({ weight_map: { a: '../s1.safetensors' } }))
    expect(() => openWeights(sharded)).toThrow(/not a plain file name/)
    rmSync(index)
    expect(() => openWeights(sharded)).toThrow(/no weights in/)
  })
})
