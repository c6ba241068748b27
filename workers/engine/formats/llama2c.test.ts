import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { convertLlama2c } from './llama2c.js'
import { readTensorF32 } from './safetensors.js'
import { openWeights } from './weights.js'
import { loadTokenizer } from './tokenizer.js'
import { describeWithStories, storiesFiles } from '../../../tests/support/stories260k.js'

let folder = ''
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'llama2c-')) })
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

describe('llama2.c checkpoints', () => {
  it('names the fault of a wrong file', () => {
    const path = join(folder, 'bad.bin')
    const options = { checkpointPath: path, tokenizerPath: path, folder: join(folder, 'out') }
    writeFileSync(path, Buffer.alloc(10))
    expect(() => convertLlama2c(options)).toThrow(/10 bytes long/)
    writeFileSync(path, Buffer.from(Int32Array.of(-1, 0, 0, 0, 0, 0, 0).buffer))
    expect(() => convertLlama2c(options)).toThrow(/impossible header/)
    writeFileSync(path, Buffer.concat([Buffer.from(Int32Array.of(8, 16, 1, 2, 1, 300, 4).buffer), Buffer.alloc(64)]))
    expect(() => convertLlama2c(options)).toThrow(/truncated/)
  })
})

describeWithStories('stories260K as a Hugging Face folder', () => {
  it('has every tensor of a Llama, with reordered rotary rows', () => {
    const { checkpointPath, tokenizerPath } = storiesFiles()
    convertLlama2c({ checkpointPath, tokenizerPath, folder })
    const weights = openWeights(folder)
    expect(weights.size).toBe(2 + 5 * 9)
    expect(weights.get('model.layers.4.self_attn.k_proj.weight')?.shape).toEqual([32, 64])
    const embedding = weights.get('model.embed_tokens.weight')
    if (embedding === undefined) throw new Error('no embedding')
    expect(readTensorF32(embedding.file, embedding).every(Number.isFinite)).toBe(true)
  })

  it('has a tokenizer that merges by score as llama2.c does', () => {
    const tokenizer = loadTokenizer(folder)
    expect(tokenizer.vocabSize).toBe(512)
    for (const text of ['Once upon a time, there was a little girl named Lily.', 'Olá 🙂\n"x"', 'zebra  zoo']) {
      expect(tokenizer.decode(tokenizer.encode(text), { skipSpecialTokens: true })).toBe(text)
    }
    // Each word is one token of the vocabulary, after BOS.
    expect(tokenizer.encode('Once upon a time')).toEqual([1, 403, 407, 261, 378])
  })
})
