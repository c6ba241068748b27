import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EngineError } from '../engine-error.js'
import type { LlamaConfig } from '../engine.js'
import { writeSafetensors, type TensorToWrite } from '../formats/safetensors.js'
import { createTrainer } from '../trainer.js'
import { LlamaRunner } from './llama-decode.js'
import { openLlamaWeights } from './llama-weights.js'
import { llamaWeightShapes } from './llama.js'
import { tinyConfig, tinyExamples, tinyOptions } from './tiny-llama.js'
import { writeLlamaConfig } from './llama-config.js'

let root = ''
beforeAll(() => { root = mkdtempSync(join(tmpdir(), 'llama-weights-')) })
afterAll(() => rmSync(root, { recursive: true, force: true }))

const tied: LlamaConfig = { ...tinyConfig, tieEmbeddings: true }

function tensorsOf(config: LlamaConfig): Map<string, TensorToWrite> {
  return new Map([...llamaWeightShapes(config)].map(([name, shape]) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, index) => Math.sin(index + name.length))
    return [name, { dtype: 'F32', shape, data }]
  }))
}

function write(name: string, config: LlamaConfig, change: (tensors: Map<string, TensorToWrite>) => void = () => undefined): string {
  const folder = join(root, name)
  mkdirSync(folder, { recursive: true })
  const tensors = tensorsOf(config)
  change(tensors)
  writeSafetensors(join(folder, 'model.safetensors'), tensors)
  writeFileSync(join(folder, 'config.json'), JSON.stringify(writeLlamaConfig(config)))
  return folder
}

describe('openLlamaWeights', () => {
  it('reads what the architecture has, and passes over what follows from the config', () => {
    const folder = write('plain', tinyConfig, (tensors) => tensors.set('model.layers.0.self_attn.rotary_emb.inv_freq', { dtype: 'F32', shape: [2], data: new Float32Array(2) }))
    expect([...openLlamaWeights(folder, tinyConfig).keys()]).toEqual([...llamaWeightShapes(tinyConfig).keys()])
  })

  it('takes a head written beside its tied embedding where both are the same', () => {
    const folder = write('tied', tied, (tensors) => copyTensor(tensors, 'model.embed_tokens.weight', 'lm_head.weight'))
    expect(openLlamaWeights(folder, tied).has('lm_head.weight')).toBe(false)
  })

  it.each<[string, LlamaConfig, (tensors: Map<string, TensorToWrite>) => void, RegExp]>([
    ['a tied head that is another', tied, (t) => { copyTensor(t, 'model.embed_tokens.weight', 'lm_head.weight'); put(t, 'lm_head.weight', 3, 9) }, /"lm_head.weight" differs from "model.embed_tokens.weight", but config.json says tie_word_embeddings true/],
    ['a head of its own that is not there', tinyConfig, (t) => t.delete('lm_head.weight'), /lack "lm_head.weight".*tie_word_embeddings false.*set "tie_word_embeddings": true/],
    ['a missing layer', tinyConfig, (t) => t.delete('model.layers.1.mlp.up_proj.weight'), /lack "model.layers.1.mlp.up_proj.weight"/],
    ['a model saved without its head', tinyConfig, (t) => { for (const name of [...t.keys()]) { copyTensor(t, name, name.replace(/^model\./, '')); if (name.startsWith('model.')) t.delete(name) } }, /lack "model.embed_tokens.weight".*without its language-model head/],
    ['a layer too many', tinyConfig, (t) => copyTensor(t, 'model.layers.1.mlp.up_proj.weight', 'model.layers.2.mlp.up_proj.weight'), /holds "model.layers.2.mlp.up_proj.weight", which/],
    ['a bias the config does not have', { ...tinyConfig, qkvBias: false }, (t) => t.set('model.layers.0.self_attn.q_proj.bias', { dtype: 'F32', shape: [16], data: new Float32Array(16) }), /holds "model.layers.0.self_attn.q_proj.bias"/],
    ['another shape', tinyConfig, (t) => t.set('model.norm.weight', { dtype: 'F32', shape: [9], data: new Float32Array(9) }), /"model.norm.weight" has shape \[9\], config.json implies \[8\]/],
    ['whole numbers', tinyConfig, (t) => t.set('model.norm.weight', { dtype: 'F64', shape: [8], data: new Float32Array(16) }), /"model.norm.weight" is stored as F64; the engine reads F32/],
    ['a NaN, with its place', tinyConfig, (t) => put(t, 'model.layers.1.mlp.down_proj.weight', 12 + 5, NaN), /"model.layers.1.mlp.down_proj.weight" in .* holds NaN at \[1, 5\]/],
    ['an infinity', tinyConfig, (t) => put(t, 'model.norm.weight', 7, -Infinity), /"model.norm.weight" in .* holds infinity at \[7\]/],
  ])('refuses %s', (name, config, change, message) => {
    const folder = write(name.replaceAll(' ', '-'), config, change)
    expect(() => openLlamaWeights(folder, config)).toThrow(message)
    expect(() => openLlamaWeights(folder, config)).toThrow(EngineError)
  })

  it('finds NaN in half precision too', () => {
    for (const [dtype, bits] of [['BF16', 0x7fc0], ['F16', 0xfe00]] as const) {
      const folder = write(dtype, tinyConfig, (tensors) => {
        const data = new Uint16Array(8)
        data[2] = bits
        tensors.set('model.norm.weight', { dtype, shape: [8], data })
      })
      expect(() => openLlamaWeights(folder, tinyConfig)).toThrow(/"model.norm.weight" in .* holds NaN at \[2\]/)
    }
  })

  it('names the format a folder has instead of safetensors', () => {
    const folder = join(root, 'pickled')
    mkdirSync(folder)
    writeFileSync(join(folder, 'pytorch_model.bin'), '')
    expect(() => openLlamaWeights(folder, tinyConfig)).toThrow(/it holds pytorch_model.bin, but only safetensors are read/)
  })
})

describe('weights too large to be searched when they are opened', () => {
  /** As if the file had been so from the start: it is mapped when the first graph is compiled. */
  function damage(folder: string): void {
    const { file, begin } = openLlamaWeights(folder, tinyConfig).get('model.layers.1.post_attention_layernorm.weight') ?? { file: '', begin: 0 }
    const bytes = readFileSync(file)
    bytes.writeFloatLE(NaN, begin + 4 * 6)
    writeFileSync(file, bytes)
  }
  const message = /"model.layers.1.post_attention_layernorm.weight" in .* holds NaN at \[6\]/

  it('are searched when the first loss is not finite', async () => {
    const modelFolder = write('late', tinyConfig)
    const trainer = await createTrainer({ ...tinyOptions, config: undefined, modelFolder, lora: { rank: 2, alpha: 4, dropout: 0, targetModules: ['q_proj'] } }, tinyExamples(4))
    damage(modelFolder)
    await expect(trainer.step()).rejects.toThrow(message)
    await trainer.dispose()
  })

  it('are searched when the first logits are not finite', async () => {
    const folder = write('late-runner', tinyConfig)
    const runner = new LlamaRunner({ folder, config: tinyConfig, device: 'cpu', threads: 1 })
    damage(folder)
    await expect(runner.extend(runner.newCache(), [1, 2])).rejects.toThrow(message)
    await expect(runner.score(runner.newCache(), [{ inputs: [1, 2], labels: [2, 3] }])).rejects.toThrow(message)
    await runner.close()
  })
})

describe('a hub cache', () => {
  it('trains and runs from links into its blobs, over several shards', async () => {
    const cache = join(root, 'models--org--tiny')
    const [blobs, snapshot] = [join(cache, 'blobs'), join(cache, 'snapshots', 'abc')]
    mkdirSync(blobs, { recursive: true })
    mkdirSync(snapshot, { recursive: true })
    const tensors = [...tensorsOf(tinyConfig)]
    const weightMap: Record<string, string> = {}
    for (const [shard, part] of [tensors.slice(0, 9), tensors.slice(9)].entries()) {
      const file = `model-0000${shard + 1}-of-00002.safetensors`
      writeSafetensors(join(blobs, `5f${shard}`), new Map(part))
      symlinkSync(`../../blobs/5f${shard}`, join(snapshot, file))
      for (const [name] of part) weightMap[name] = file
    }
    for (const [file, content] of [['config.json', writeLlamaConfig(tinyConfig)], ['model.safetensors.index.json', { metadata: { total_size: 1 }, weight_map: weightMap }]] as const) {
      writeFileSync(join(blobs, file), JSON.stringify(content))
      symlinkSync(`../../blobs/${file}`, join(snapshot, file))
    }
    expect([...openLlamaWeights(snapshot, tinyConfig).values()].every(({ file }) => /blobs\/5f[01]$/.test(file))).toBe(true)
    const plain = write('whole', tinyConfig)
    const losses = await Promise.all([snapshot, plain].map(async (modelFolder) => {
      const trainer = await createTrainer({ ...tinyOptions, config: undefined, modelFolder, lora: { rank: 2, alpha: 4, dropout: 0, targetModules: ['all-linear'] } }, tinyExamples(4))
      const { loss } = await trainer.step()
      await trainer.dispose()
      return loss
    }))
    expect(losses[0]).toBe(losses[1])
    const runner = new LlamaRunner({ folder: snapshot, config: tinyConfig, device: 'cpu', threads: 1 })
    expect((await runner.extend(runner.newCache(), [1, 2, 3])).length).toBe(tinyConfig.vocabSize)
    await runner.close()
  })

  it('names the link, not the blob, when a shard is cut short', () => {
    const snapshot = join(root, 'models--org--tiny', 'snapshots', 'abc')
    const blob = join(root, 'models--org--tiny', 'blobs', '5f1')
    writeFileSync(blob, readFileSync(blob).subarray(0, -4))
    expect(() => openLlamaWeights(snapshot, tinyConfig)).toThrow(/model-00002-of-00002.safetensors: tensors end at byte \d+.*truncated/)
  })
})

function put(tensors: ReadonlyMap<string, TensorToWrite>, name: string, index: number, value: number): void {
  const data = tensors.get(name)?.data
  if (data instanceof Float32Array) data[index] = value
}

function copyTensor<T>(tensors: Map<string, T>, from: string, to: string): void {
  const tensor = tensors.get(from)
  if (tensor) tensors.set(to, structuredClone(tensor))
}
