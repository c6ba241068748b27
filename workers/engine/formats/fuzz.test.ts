// Thousands of damaged files: each reader either reads them or says what is wrong, in time and within its memory.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { writeRandomLlama } from '../../../tests/support/random-llama.js'
import { Mutator } from '../../../tests/support/mutate.js'
import { EngineError } from '../engine-error.js'
import { readLlamaConfig, writeLlamaConfig } from '../models/llama-config.js'
import { openLlamaWeights } from '../models/llama-weights.js'
import { llamaWeightShapes } from '../models/llama.js'
import { tinyConfig } from '../models/tiny-llama.js'
import { trainBpe } from './bpe.js'
import { moduleUpdates, readPeftAdapter, writePeftAdapter } from './peft.js'
import { readSafetensors, readTensorF32, writeSafetensors } from './safetensors.js'
import { configuredEndTokens } from './tokenizer-json.js'
import { loadTokenizer } from './tokenizer.js'
import { writeTokenizerFiles, SPECIAL_TOKENS } from './tokenizer-files.js'
import { openWeights } from './weights.js'

/** FUZZ_SEED and FUZZ_SCALE look further: another seed, so many times as many inputs. */
const { FUZZ_SEED: SEED, FUZZ_SCALE: SCALE } = z.object({ FUZZ_SEED: z.coerce.number().default(20261125), FUZZ_SCALE: z.coerce.number().default(1) }).parse(process.env)
const LONGEST_MS = 2000
/** A name in a message may itself be long. */
const MOST_MESSAGE_CHARACTERS = 20_000
const MOST_GROWTH_BYTES = 400 * 1024 * 1024

let root = ''
beforeAll(() => { root = mkdtempSync(join(tmpdir(), 'fuzz-')) })
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Damages the input `count` times and reads each; every refusal must be an EngineError, and some must be and some not. */
function fuzz(count: number, damage: (mutator: Mutator) => void, read: () => unknown): { read: number; refused: number } {
  const outcome = { read: 0, refused: 0 }
  const before = process.memoryUsage().rss
  for (let index = 0; index < count * SCALE; index++) {
    damage(new Mutator(SEED, index))
    const startedMs = performance.now()
    try {
      read()
      outcome.read++
    } catch (error) {
      if (!(error instanceof EngineError)) throw new Error(`input ${index} made the reader fail instead of refuse`, { cause: error })
      if (error.message.length > MOST_MESSAGE_CHARACTERS) throw new Error(`input ${index}: a message of ${error.message.length} characters`)
      outcome.refused++
    }
    const tookMs = performance.now() - startedMs
    if (tookMs > LONGEST_MS) throw new Error(`input ${index} took ${Math.round(tookMs)} ms`)
    if (process.memoryUsage().rss - before > MOST_GROWTH_BYTES) throw new Error(`by input ${index} the memory had grown by ${process.memoryUsage().rss - before} bytes`)
  }
  expect(outcome.refused).toBeGreaterThan((count * SCALE) / 20)
  return outcome
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}

describe('damaged files', { timeout: 60_000 * SCALE }, () => {
  it('safetensors, header and data', () => {
    const path = join(root, 'a.safetensors')
    writeSafetensors(path, new Map([
      ['a', { dtype: 'F32', shape: [2, 3], data: new Float32Array(6) }],
      ['b', { dtype: 'BF16', shape: [3], data: new Uint16Array(3) }],
      ['c', { dtype: 'F16', shape: [0, 4], data: new Uint16Array(0) }],
    ]), { format: 'pt' })
    const good = readFileSync(path)
    const headerEnd = 8 + Number(good.readBigUInt64LE())
    const header: unknown = JSON.parse(good.subarray(8, headerEnd).toString())
    const damage = (mutator: Mutator, index: number): Buffer => {
      if (index % 2 === 0) return mutator.bytes(good)
      const json = Buffer.from(mutator.json(header))
      const length = Buffer.alloc(8)
      length.writeBigUInt64LE(BigInt(json.length))
      return Buffer.concat([length, json, good.subarray(headerEnd)])
    }
    let index = 0
    fuzz(1500, (mutator) => writeFileSync(path, damage(mutator, index++)), () => {
      for (const entry of readSafetensors(path).tensors.values()) readTensorF32(path, entry)
    })
  })

  it('the index of shards', () => {
    const folder = join(root, 'sharded')
    writeRandomLlama({ folder, config: tinyConfig, dtype: 'F32', seed: 1, shards: 2 })
    const path = join(folder, 'model.safetensors.index.json')
    const good = readJson(path)
    fuzz(1000, (mutator) => writeFileSync(path, mutator.json(good)), () => openWeights(folder))
  })

  it('config.json', () => {
    const folder = join(root, 'config')
    mkdirSync(folder)
    const good = { ...writeLlamaConfig(tinyConfig), eos_token_id: [1, 2], rope_parameters: null, sliding_window: null, layer_types: ['full_attention'] }
    const counts = fuzz(2000, (mutator) => writeFileSync(join(folder, 'config.json'), mutator.json(good)), () => {
      llamaWeightShapes(readLlamaConfig(folder))
      configuredEndTokens(folder)
    })
    expect(counts.read).toBeGreaterThan(100)
  })

  it('tokenizer.json and tokenizer_config.json', () => {
    const folder = join(root, 'tokenizer')
    writeTokenizerFiles(folder, trainBpe(['abcd abc ab a '.repeat(8)], { vocabSize: 270, specialTokens: SPECIAL_TOKENS }), { contextLength: 64 })
    const [tokenizer, config] = [readJson(join(folder, 'tokenizer.json')), readJson(join(folder, 'tokenizer_config.json'))]
    let index = 0
    const counts = fuzz(1000, (mutator) => {
      const isConfig = index++ % 3 === 0
      writeFileSync(join(folder, 'tokenizer.json'), isConfig ? JSON.stringify(tokenizer) : mutator.json(tokenizer))
      writeFileSync(join(folder, 'tokenizer_config.json'), isConfig ? mutator.json(config) : JSON.stringify(config))
    }, () => {
      const loaded = loadTokenizer(folder)
      for (const text of ['abc é 🙂', '', '<|user|>a']) {
        const ids = loaded.encode(text)
        expect(ids.every((id) => Number.isInteger(id) && id >= 0 && id < loaded.vocabSize)).toBe(true)
        loaded.decode(ids, { skipSpecialTokens: true })
      }
      if (loaded.hasChatTemplate) loaded.applyChatTemplate([{ role: 'user', content: 'oi' }], { addGenerationPrompt: true })
    })
    expect(counts.read).toBeGreaterThan(100)
  })

  it('PEFT adapters, configuration and weights', () => {
    const folder = join(root, 'adapter')
    const module = 'model.layers.0.self_attn.q_proj'
    writePeftAdapter(folder, {
      config: { rank: 2, alpha: 4, dropout: 0, targetModules: ['q_proj'], useRslora: false, rankPattern: { q_proj: 2 }, baseModelNameOrPath: 'tiny' },
      weights: new Map([[`${module}.lora_A.weight`, { shape: [2, 8], data: new Float32Array(16) }], [`${module}.lora_B.weight`, { shape: [16, 2], data: new Float32Array(32) }]]),
    })
    const [config, weights] = [readJson(join(folder, 'adapter_config.json')), readFileSync(join(folder, 'adapter_model.safetensors'))]
    let index = 0
    fuzz(1500, (mutator) => {
      const isConfig = index++ % 2 === 0
      writeFileSync(join(folder, 'adapter_config.json'), isConfig ? mutator.json(config) : JSON.stringify(config))
      writeFileSync(join(folder, 'adapter_model.safetensors'), isConfig ? weights : mutator.bytes(weights))
    }, () => moduleUpdates(readPeftAdapter(folder)))
  })

  it('whole model folders', () => {
    const folder = join(root, 'model')
    writeRandomLlama({ folder, config: tinyConfig, dtype: 'BF16', seed: 1 })
    const path = join(folder, 'model.safetensors')
    const good = readFileSync(path)
    // Damage near the header, where it matters; damaged numbers are still numbers, or NaN.
    fuzz(600, (mutator) => writeFileSync(path, Buffer.concat([mutator.bytes(good.subarray(0, 3200)), good.subarray(3200)])), () => openLlamaWeights(folder, readLlamaConfig(folder)))
  })
})
