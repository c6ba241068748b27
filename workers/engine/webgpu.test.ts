// The same graphs on WebGPU as on the CPU. Needs a Vulkan driver: a GPU's, or SwiftShader, which Chromium brings
// (LD_LIBRARY_PATH=/usr/lib/chromium VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json).
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Device, TrainerOptions } from './engine.js'
import { tinyExamples, tinyOptions } from './models/tiny-llama.js'
import { createTrainer } from './trainer.js'

const folder = mkdtempSync(join(tmpdir(), 'webgpu-'))
const examples = tinyExamples(4)

describe.skipIf(process.env.VK_ICD_FILENAMES === undefined)('WebGPU (skipped unless VK_ICD_FILENAMES names a Vulkan driver)', () => {
  beforeAll(async () => {
    const trainer = await createTrainer(tinyOptions, examples)
    await trainer.save(folder)
    await trainer.dispose()
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  async function losses(options: TrainerOptions, device: Device): Promise<number[]> {
    const trainer = await createTrainer({ ...options, device }, examples)
    const [first, second] = [await trainer.step(), await trainer.step()]
    const { loss } = await trainer.evaluate(examples)
    await trainer.dispose()
    return [first.loss, first.gradNorm, second.loss, second.gradNorm, loss]
  }

  it.each<[string, TrainerOptions]>([
    ['all weights', { ...tinyOptions, batchSize: 4 }],
    ['LoRA with dropout, packed, recomputed', { ...tinyOptions, config: undefined, modelFolder: folder, packing: true, gradientCheckpointing: true, lora: { rank: 2, alpha: 4, dropout: 0.25, targetModules: ['all-linear'] } }],
  ])('trains as the CPU does: %s', async (_, options) => {
    const [cpu, webgpu] = [await losses(options, 'cpu'), await losses(options, 'webgpu')]
    for (const [index, value] of webgpu.entries()) expect(Math.abs(value - (cpu[index] ?? NaN))).toBeLessThan(1e-5)
  }, 240_000)
})
