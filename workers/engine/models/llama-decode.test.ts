import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeRandomLlama } from '../../../tests/support/random-llama.js'
import type { LlamaConfig } from '../engine.js'
import { BASE_DTYPES } from '../weight-cache.js'
import { LlamaRunner } from './llama-decode.js'

const config: LlamaConfig = {
  hiddenSize: 64, intermediateSize: 96, layers: 2, heads: 4, kvHeads: 2, headDim: 12, vocabSize: 300, maxPositions: 256,
  ropeTheta: 1000, ropeScaling: null, rmsNormEps: 1e-5, tieEmbeddings: false, qkvBias: true,
}
const tokens = Array.from({ length: 70 }, (_, index) => (index * 37) % config.vocabSize)
const V = config.vocabSize

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decode-'))
  writeRandomLlama({ folder, config, dtype: 'BF16', seed: 3 })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const openRunner = (dtype: (typeof BASE_DTYPES)[number], repackLimitBytes?: number): LlamaRunner =>
  new LlamaRunner({ folder, config, base: { dtype, cacheFolder: join(folder, 'cache') }, device: 'cpu', threads: 1, repackLimitBytes })

const farthest = (a: Float32Array, b: Float32Array): number => a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (b[index] ?? NaN))), 0)

describe.each([['held in f32 for decoding', undefined], ['widened at each token', 0]])('weights %s', (_, limit) => {
  it.each(BASE_DTYPES)('%s: sequences decoded together have the logits of one pass over each', async (dtype) => {
    const runner = openRunner(dtype, limit)
    const full = await runner.extend(runner.newCache(), tokens, tokens.map((_token, index) => index))
    const batch = runner.newBatch()
    // Three sequences, so that one of four rows is empty, of lengths whose caches differ; the longest outgrows its own.
    const starts = [3, 20, 62]
    const sequences = []
    for (const start of starts) {
      const cache = runner.newCache()
      await runner.extend(cache, tokens.slice(0, start))
      sequences.push(batch.join(cache))
    }
    for (let step = 0; step < 4; step++) {
      const logits = await runner.decode(batch, sequences.map((sequence, index) => ({ sequence, token: tokens[(starts[index] ?? 0) + step] ?? 0 })))
      for (const [index, row] of logits.entries()) {
        const place = ((starts[index] ?? 0) + step) * V
        expect(farthest(row, full.subarray(place, place + V))).toBeLessThan(2e-5)
      }
    }
    await runner.close()
  })
})

describe('prompts that come together', () => {
  it('have the logits of each alone, and go on as alone', async () => {
    const runner = openRunner('stored')
    // Two passes of several, and two that stand alone: one with too many tokens, and one behind them that fits with no other.
    const prompts = [tokens.slice(0, 9), tokens.slice(3, 63), [5], tokens, tokens.slice(20, 57), [...tokens, ...tokens, ...tokens, ...tokens], tokens.slice(1, 70), tokens.slice(2, 70)]
    const together = prompts.map((prompt) => ({ cache: runner.newCache(), tokens: prompt }))
    const first = await Promise.all(runner.prefill(together))
    for (const [index, prompt] of prompts.entries()) {
      const alone = runner.newCache()
      expect(farthest(first[index] ?? new Float32Array(), await runner.extend(alone, prompt))).toBeLessThan(2e-5)
      const { cache } = together[index] ?? { cache: alone }
      expect(cache.length).toBe(prompt.length)
      const next = [await runner.extend(cache, [7]), await runner.extend(alone, [7])]
      expect(farthest(...(next as [Float32Array, Float32Array]))).toBeLessThan(2e-5)
    }
    await runner.close()
  })

  it('fail one by one', async () => {
    const runner = openRunner('stored')
    const asked = runner.prefill([[1, 2], [V], [], [3, 4]].map((prompt) => ({ cache: runner.newCache(), tokens: prompt })))
    const [first, unknown, empty, last] = await Promise.allSettled(asked)
    expect([first?.status, last?.status]).toEqual(['fulfilled', 'fulfilled'])
    expect(unknown).toMatchObject({ reason: { message: `token ${V} is not in the model's vocabulary of ${V}` } })
    expect(empty).toMatchObject({ reason: { message: 'there are no tokens to run' } })
    await runner.close()
  })
})
