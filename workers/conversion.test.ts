import { fileURLToPath } from 'node:url'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { convert, type ConversionRequest } from './conversion.js'
import { readGguf } from './engine/formats/gguf.js'
import { writePeftAdapter, type AdapterTensor } from './engine/formats/peft.js'
import { loraShapes, loraTargets } from './engine/lora.js'
import { readLlamaConfig } from './engine/models/llama-config.js'
import { sizeOf } from './engine/tensor.js'

const models = fileURLToPath(new URL('../models/', import.meta.url))

async function request(change: Partial<ConversionRequest>, useDora = false): Promise<ConversionRequest> {
  const root = await mkdtemp(join(tmpdir(), 'conversion-'))
  onTestFinished(() => rm(root, { recursive: true }))
  const lora = { rank: 9, alpha: 9, dropout: 0, targetModules: ['v_proj'], useDora, useRslora: false }
  const weights = new Map<string, AdapterTensor>()
  for (const [name, shape] of loraShapes(loraTargets(readLlamaConfig(join(models, 'nano-pt-en')), lora), lora)) weights.set(name, { shape: [...shape], data: new Float32Array(sizeOf(shape)).fill(0.01) })
  writePeftAdapter(join(root, 'adapter'), { config: { ...lora, baseModelNameOrPath: 'nano-pt-en' }, weights })
  return { format: 'peft', dtype: undefined, model: 'nano-pt-en', adapter: join(root, 'adapter'), out: join(root, 'adapter'), modelRoots: [models], ...change }
}

test('an adapter is told with the flag that vLLM needs, or why it cannot serve it', async () => {
  expect(await convert(await request({}))).toMatchObject({ use: [expect.stringContaining('PeftModel.from_pretrained'), 'vllm serve nano-pt-en --enable-lora --max-lora-rank 16 --lora-modules tuned=.'], notes: [] })
  expect(await convert(await request({}, true))).toMatchObject({ use: [expect.any(String)], notes: [expect.stringContaining('DoRA')] })
})

test('GGUF takes the format asked for, or f16 for a model and f32 for an adapter', async () => {
  for (const [format, dtype, file, type] of [['gguf', undefined, 'nano-pt-en-F16.gguf', 'F16'], ['gguf', 'bf16', 'nano-pt-en-BF16.gguf', 'BF16'], ['gguf-lora', undefined, 'nano-pt-en-lora-F32.gguf', 'F32'], ['gguf-lora', 'q8_0', 'nano-pt-en-lora-Q8_0.gguf', 'Q8_0']] as const) {
    const asked = await request({ format, dtype })
    expect((await convert(asked)).files).toEqual([file])
    const { tensors } = readGguf(join(asked.out, file))
    expect((tensors.get('blk.0.attn_v.weight') ?? tensors.get('blk.0.attn_v.weight.lora_a'))?.type).toBe(type)
  }
})

test.each<[Partial<ConversionRequest>, boolean, RegExp]>([
  [{ format: 'onnx' }, false, /--format is "onnx"; it must be one of peft, merged, gguf, gguf-lora/],
  [{ dtype: 'f16' }, false, /--dtype does not go with --format peft/],
  [{ format: 'merged', dtype: 'q8_0' }, false, /--dtype is "q8_0"; with --format merged it can be f32, f16, bf16/],
  [{ format: 'gguf', dtype: 'q4_k' }, false, /--dtype is "q4_k"; with --format gguf it can be f32, f16, bf16, q8_0/],
  [{ format: 'gguf-lora', adapter: undefined }, false, /needs an adapter, and this run trained whole weights/],
  [{ format: 'gguf-lora' }, true, /llama.cpp has no DoRA adapters; merge it/],
  [{ format: 'merged', model: 'llama-9' }, false, /model "llama-9" is not a folder with a config.json under models\/ \(models here: nano-pt-en\)/],
  [{ format: 'merged', model: undefined }, false, /the base model is not named/],
])('refuses %j (DoRA: %s)', async (change, useDora, message) => {
  const asked = await request(change, useDora)
  const before = await readdir(asked.out)
  await expect(convert(asked)).rejects.toThrow(message)
  expect(await readdir(asked.out)).toEqual(before)
})
