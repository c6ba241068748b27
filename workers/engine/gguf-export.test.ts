import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomWeights, writeRandomLlama } from '../../tests/support/random-llama.js'
import type { LlamaConfig } from './engine.js'
import { readGguf, readGgufTensor } from './formats/gguf.js'
import { ggufTokenizer } from './formats/gguf-tokenizer.js'
import { writePeftAdapter, type AdapterTensor } from './formats/peft.js'
import { exportGgufAdapter, exportGgufModel, ggufFileName } from './gguf-export.js'

const llama: LlamaConfig = {
  hiddenSize: 32, intermediateSize: 48, layers: 1, heads: 4, kvHeads: 2, headDim: 8, vocabSize: 4100, maxPositions: 64,
  ropeTheta: 100, ropeScaling: { factor: 4, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 32 }, rmsNormEps: 1e-5, tieEmbeddings: true, qkvBias: false,
}
const root = mkdtempSync(join(tmpdir(), 'gguf-export-'))
const at = (name: string): string => join(root, name)
const nano = fileURLToPath(new URL('../../models/nano-pt-en/', import.meta.url))

beforeAll(() => {
  writeRandomLlama({ folder: at('llama'), config: llama, dtype: 'BF16', seed: 2 })
  writeRandomLlama({ folder: at('qwen2'), config: { ...llama, qkvBias: true, tieEmbeddings: false, ropeScaling: null }, dtype: 'F32', seed: 2 })
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

describe('a model as GGUF', () => {
  it('has the fields and names of llama.cpp', () => {
    exportGgufModel({ modelFolder: at('llama'), adapterFolder: null, path: at('llama.gguf'), dtype: 'F16', name: 'tiny' })
    const { metadata, tensors } = readGguf(at('llama.gguf'))
    const plain = Object.fromEntries([...metadata].filter(([key, { type }]) => type !== 'array' && !key.startsWith('tokenizer.')).map(([key, { value }]) => [key, value]))
    expect(plain).toEqual({
      'general.architecture': 'llama', 'general.type': 'model', 'general.name': 'tiny', 'general.file_type': 1, 'general.quantization_version': 2,
      'llama.block_count': 1, 'llama.context_length': 64, 'llama.embedding_length': 32, 'llama.feed_forward_length': 48, 'llama.attention.head_count': 4, 'llama.attention.head_count_kv': 2,
      'llama.rope.freq_base': 100, 'llama.attention.layer_norm_rms_epsilon': Math.fround(1e-5), 'llama.attention.key_length': 8, 'llama.attention.value_length': 8, 'llama.vocab_size': 4100, 'llama.rope.dimension_count': 8,
    })
    expect([...tensors].map(([name, { type, shape }]) => [name, type, shape])).toEqual([
      ['rope_freqs.weight', 'F32', [4]],
      ['token_embd.weight', 'F16', [4100, 32]],
      ['blk.0.attn_norm.weight', 'F32', [32]],
      ['blk.0.attn_q.weight', 'F16', [32, 32]], ['blk.0.attn_k.weight', 'F16', [16, 32]], ['blk.0.attn_v.weight', 'F16', [16, 32]], ['blk.0.attn_output.weight', 'F16', [32, 32]],
      ['blk.0.ffn_norm.weight', 'F32', [32]],
      ['blk.0.ffn_gate.weight', 'F16', [48, 32]], ['blk.0.ffn_up.weight', 'F16', [48, 32]], ['blk.0.ffn_down.weight', 'F16', [32, 48]],
      ['output_norm.weight', 'F32', [32]],
    ])
  })

  it('divides rotary frequencies by the tensor llama.cpp reads', () => {
    // Wavelengths 6.3, 19.9, 62.8 and 199 against 8 and 32: kept, blended, and divided twice.
    const factors = readGgufTensor(readGguf(at('llama.gguf')), 'rope_freqs.weight')
    const wavelength = 2 * Math.PI * 100 ** (2 / 8)
    const smooth = (32 / wavelength - 1) / 3
    for (const [index, factor] of [1, 1 / ((1 - smooth) / 4 + smooth), 4, 4].entries()) expect(factors[index]).toBeCloseTo(factor, 5)
  })

  it('reorders the rows of queries and keys in each head for architecture llama, and leaves qwen2 as it is', () => {
    exportGgufModel({ modelFolder: at('llama'), adapterFolder: null, path: at('llama-f32.gguf'), dtype: 'F32' })
    exportGgufModel({ modelFolder: at('qwen2'), adapterFolder: null, path: at('qwen2.gguf'), dtype: 'F32' })
    const [llamaFile, qwen2] = [readGguf(at('llama-f32.gguf')), readGguf(at('qwen2.gguf'))]
    const stored = randomWeights('model.layers.0.self_attn.k_proj.weight', [16, 32], { seed: 2, start: 0, end: 512 })
    const rowOf = (matrix: Float32Array, row: number): number[] => [...matrix.subarray(row * 32, row * 32 + 32)]
    const keys = readGgufTensor(llamaFile, 'blk.0.attn_k.weight')
    for (const [row, from] of [0, 4, 1, 5, 2, 6, 3, 7, 8, 12].entries()) {
      for (const [column, value] of rowOf(keys, row).entries()) expect(value).toBeCloseTo(rowOf(stored, from)[column] ?? NaN, 2)
    }
    expect(readGgufTensor(qwen2, 'blk.0.attn_k.weight')).toEqual(stored)
    expect([...qwen2.tensors.keys()].filter((name) => /bias|^output\./.test(name) || name.startsWith('rope'))).toEqual(['blk.0.attn_q.bias', 'blk.0.attn_k.bias', 'blk.0.attn_v.bias', 'output.weight'])
    expect(qwen2.metadata.get('general.architecture')?.value).toBe('qwen2')
    expect(qwen2.metadata.get('qwen2.block_count')?.value).toBe(1)
  })

  it('takes 8 bits where rows hold whole blocks', () => {
    exportGgufModel({ modelFolder: at('llama'), adapterFolder: null, path: at('q8.gguf'), dtype: 'Q8_0' })
    const { tensors, metadata } = readGguf(at('q8.gguf'))
    expect([tensors.get('blk.0.ffn_up.weight')?.type, tensors.get('blk.0.ffn_down.weight')?.type, metadata.get('general.file_type')?.value]).toEqual(['Q8_0', 'F16', 7])
    expect(ggufFileName('meta-llama/Llama 3.2', 'Q8_0')).toBe('meta-llama-Llama-3.2-Q8_0.gguf')
  })
})

describe('the tokenizer in it', () => {
  const values = (folder: string, vocabSize = 4100): Record<string, unknown> => Object.fromEntries([...ggufTokenizer(folder, vocabSize).metadata].map(([key, { value }]) => [key.replace('tokenizer.ggml.', ''), value]))
  /** The nano tokenizer with other parts. */
  const variant = (name: string, change: (tokenizer: Record<string, unknown>) => void): string => {
    const folder = at(name)
    mkdirSync(folder)
    cpSync(nano, folder, { recursive: true, filter: (path) => !path.endsWith('.safetensors') })
    const tokenizer = JSON.parse(readFileSync(join(nano, 'tokenizer.json'), 'utf8')) as Record<string, unknown>
    change(tokenizer)
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer))
    return folder
  }
  const split = (regex: string): unknown => ({ type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false }, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }] })
  const llama3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

  it('keeps tokens, kinds, merges, special ids and chat template, and names what the model has beyond them', () => {
    const { tokens, token_type: types, merges, 'tokenizer.chat_template': template, ...rest } = values(nano) as { tokens: string[]; token_type: number[]; merges: string[]; 'tokenizer.chat_template': string }
    expect(rest).toEqual({ model: 'gpt2', pre: 'dbrx', bos_token_id: 0, eos_token_id: 0, padding_token_id: 4, eot_token_id: 3, add_bos_token: true, add_eos_token: false })
    expect([tokens.length, ...tokens.slice(0, 6), ...tokens.slice(4095, 4098)]).toEqual([4100, '<|endoftext|>', '<|user|>', '<|assistant|>', '<|end|>', '<|pad|>', 'Ā', expect.any(String), '[PAD4096]', '[PAD4097]'])
    expect([types[0], types[5], types[4096]]).toEqual([3, 1, 5])
    expect(merges).toHaveLength(4096 - 5 - 256)
    expect(merges[0]).toMatch(/^\S+ \S+$/)
    expect(template).toContain("message['role']")
  })

  it.each<[string, string, boolean, unknown]>([
    ['Llama 3', 'llama-bpe', true, split(llama3)],
    ['Llama 3 with merges', 'dbrx', false, split(llama3)],
    ['Qwen 2', 'qwen2', false, split(llama3.replace('{1,3}', ''))],
    ['SmolLM', 'smollm', false, { type: 'Sequence', pretokenizers: [{ type: 'Digits', individual_digits: true }, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }] }],
    ['GPT-2', 'gpt-2', false, { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true }],
  ])('finds the rule of %s', (name, rule, ignoresMerges, preTokenizer) => {
    const folder = variant(name, (tokenizer) => {
      tokenizer['pre_tokenizer'] = preTokenizer
      tokenizer['model'] = { ...(tokenizer['model'] as object), ignore_merges: ignoresMerges }
    })
    expect(values(folder)).toMatchObject({ model: 'gpt2', pre: rule })
    expect(ggufTokenizer(folder, 4096).note).toBeNull()
  })

  it('says where llama.cpp will cut otherwise', () => {
    expect(ggufTokenizer(nano, 4096).note).toMatch(/a word that follows an apostrophe/)
  })

  it.each<[string, (tokenizer: Record<string, unknown>) => void, RegExp]>([
    ['a rule it does not have', (tokenizer) => { tokenizer['pre_tokenizer'] = split('\\w+') }, /none of the rules of llama.cpp known here/],
    ['a leading space', (tokenizer) => { tokenizer['pre_tokenizer'] = { type: 'ByteLevel', add_prefix_space: true } }, /add_prefix_space/],
    ['another kind of model', (tokenizer) => { tokenizer['model'] = { type: 'Unigram', vocab: [] } }, /model.type is "Unigram"/],
    ['an id outside the model', (tokenizer) => { (tokenizer['model'] as { vocab: Record<string, number> }).vocab['zzz'] = 9999 }, /token "zzz" has the id 9999; the model has ids 0 to 4099/],
  ])('is refused with %s', (name, change, message) => {
    expect(() => ggufTokenizer(variant(name, change), 4100)).toThrow(message)
  })
})

describe('an adapter as GGUF', () => {
  const module = 'model.layers.0.self_attn.q_proj'
  const other = 'model.layers.0.mlp.down_proj'
  const numbers = (length: number): Float32Array => Float32Array.from({ length }, (_, index) => Math.sin(index + length))
  const weights = new Map<string, AdapterTensor>([
    [`${module}.lora_A.weight`, { shape: [4, 32], data: numbers(128) }], [`${module}.lora_B.weight`, { shape: [32, 4], data: numbers(129).subarray(0, 128) }],
    [`${other}.lora_A.weight`, { shape: [2, 48], data: numbers(96) }], [`${other}.lora_B.weight`, { shape: [32, 2], data: numbers(64) }],
  ])
  const config = { rank: 4, alpha: 6, dropout: 0, targetModules: ['q_proj', 'down_proj'], rankPattern: { down_proj: 2 }, baseModelNameOrPath: 'org/base' }

  it.each([false, true])('scales as PEFT does (rsLoRA: %s)', (useRslora) => {
    writePeftAdapter(at('adapter'), { config: { ...config, useRslora }, weights })
    exportGgufAdapter({ modelFolder: at('llama'), adapterFolder: at('adapter'), path: at('adapter.gguf'), dtype: 'F32' })
    const file = readGguf(at('adapter.gguf'))
    expect(Object.fromEntries([...file.metadata].map(([key, { value }]) => [key, value]))).toEqual({
      'general.architecture': 'llama', 'general.type': 'adapter', 'adapter.type': 'lora', 'general.name': 'llama LoRA', 'general.base_model.count': 1, 'general.base_model.0.name': 'org/base',
      'adapter.lora.alpha': useRslora ? 12 : 6, 'general.file_type': 0, 'general.quantization_version': 2,
    })
    expect([...file.tensors].map(([name, { shape }]) => [name, shape])).toEqual([
      ['blk.0.ffn_down.weight.lora_a', [2, 48]], ['blk.0.ffn_down.weight.lora_b', [32, 2]], ['blk.0.attn_q.weight.lora_a', [4, 32]], ['blk.0.attn_q.weight.lora_b', [32, 4]],
    ])
    // llama.cpp scales by alpha over the rank that the tensor shows.
    const alpha = Number(file.metadata.get('adapter.lora.alpha')?.value)
    const scaled = readGgufTensor(file, 'blk.0.ffn_down.weight.lora_b').map((value) => (value * alpha) / 2)
    const wanted = numbers(64).map((value) => value * (useRslora ? 6 / Math.SQRT2 : 3))
    for (const [index, value] of scaled.entries()) expect(value).toBeCloseTo(wanted[index] ?? NaN, 5)
    const b = readGgufTensor(file, 'blk.0.attn_q.weight.lora_b')
    expect([...b.subarray(4, 8)]).toEqual([...(weights.get(`${module}.lora_B.weight`)?.data.subarray(16, 20) ?? [])])
    expect(readGgufTensor(file, 'blk.0.attn_q.weight.lora_a')).toEqual(numbers(128))
  })

  it('is refused for DoRA and for another model', () => {
    const dora = new Map([...weights].filter(([name]) => name.startsWith(module))).set(`${module}.lora_magnitude_vector`, { shape: [32], data: numbers(32) })
    writePeftAdapter(at('dora'), { config: { ...config, rankPattern: undefined, useRslora: false, useDora: true }, weights: dora })
    expect(() => exportGgufAdapter({ modelFolder: at('llama'), adapterFolder: at('dora'), path: at('no.gguf'), dtype: 'F32' })).toThrow(/llama.cpp has no DoRA adapters; merge it/)
    writeRandomLlama({ folder: at('wide'), config: { ...llama, intermediateSize: 64 }, dtype: 'F32', seed: 2 })
    writePeftAdapter(at('adapter'), { config: { ...config, useRslora: false }, weights })
    expect(() => exportGgufAdapter({ modelFolder: at('wide'), adapterFolder: at('adapter'), path: at('no.gguf'), dtype: 'F32' })).toThrow(/changes model.layers.0.mlp.down_proj, which is \[32, 64\] in the model/)
  })
})
