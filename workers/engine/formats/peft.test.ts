import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loraScaling } from './peft-config.js'
import { moduleUpdates, readPeftAdapter, vllmServing, writePeftAdapter, type AdapterTensor, type LoraAdapter } from './peft.js'
import { readSafetensors } from './safetensors.js'

let folder = ''
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'peft-')) })
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

function tensor(shape: [number] | [number, number]): AdapterTensor {
  return { shape, data: Float32Array.from({ length: shape[0] * (shape[1] ?? 1) }, (_, i) => Math.sin(i + shape[0])) }
}

function adapter(): LoraAdapter {
  const q = 'model.layers.0.self_attn.q_proj'
  return {
    config: { rank: 2, alpha: 4, dropout: 0, targetModules: ['v_proj', 'q_proj'], useRslora: false, baseModelNameOrPath: 'modelos/bê' },
    weights: new Map([[`${q}.lora_A.weight`, tensor([2, 3])], [`${q}.lora_B.weight`, tensor([5, 2])]]),
  }
}

describe('PEFT adapters', () => {
  it('reads back what it wrote, under PEFT names', () => {
    writePeftAdapter(folder, adapter())
    const { tensors, metadata } = readSafetensors(join(folder, 'adapter_model.safetensors'))
    expect([...tensors.keys()]).toEqual([
      'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight',
      'base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight',
    ])
    expect(metadata).toEqual({ format: 'pt' })
    const back = readPeftAdapter(folder)
    expect(back.weights).toEqual(adapter().weights)
    expect(back.config).toEqual({ ...adapter().config, targetModules: ['q_proj', 'v_proj'] })
  })

  it('prints adapter_config.json as Python does', () => {
    writePeftAdapter(folder, adapter())
    const text = readFileSync(join(folder, 'adapter_config.json'), 'utf8')
    expect(text).toContain('"base_model_name_or_path": "modelos/b\\u00ea"')
    expect(text).toContain('"lora_dropout": 0.0,')
    expect(text).toContain('"target_modules": [\n    "q_proj",\n    "v_proj"\n  ]')
    const keys = Object.keys(JSON.parse(text))
    expect(keys).toEqual([...keys].sort())
  })

  it('matches the published size of a Llama-3.2-3B adapter on q and v at rank 32', () => {
    // PEFT's method comparison reports file_size 36,715,216 for this adapter.
    const weights = new Map<string, AdapterTensor>()
    for (let layer = 0; layer < 28; layer++) {
      for (const [name, width] of [['q_proj', 3072], ['v_proj', 1024]] as const) {
        const path = `model.layers.${layer}.self_attn.${name}`
        weights.set(`${path}.lora_A.weight`, { shape: [32, 3072], data: new Float32Array(32 * 3072) })
        weights.set(`${path}.lora_B.weight`, { shape: [width, 32], data: new Float32Array(width * 32) })
      }
    }
    const big = join(folder, 'big')
    writePeftAdapter(big, { config: { ...adapter().config, rank: 32 }, weights })
    expect(statSync(join(big, 'adapter_model.safetensors')).size).toBe(36_715_216)
  })

  it('scales by alpha / r, or alpha / √r under rsLoRA', () => {
    expect(loraScaling({ rank: 16, alpha: 32, useRslora: false })).toBe(2)
    expect(loraScaling({ rank: 16, alpha: 32, useRslora: true })).toBe(8)
  })

  it.each([
    [{ use_dora: true }, /has no partner "model.layers.0.self_attn.q_proj.lora_magnitude_vector"/],
    [{ modules_to_save: ['lm_head'] }, /modules_to_save is \["lm_head"\]/],
    [{ rank_pattern: { q_proj: 4 } }, /shape \[2,3\]; with r = 4/],
    [{ rank_pattern: { 'q_proj[': 2 } }, /rank_pattern has the pattern "q_proj\["/],
    [{ alpha_pattern: { q_proj: 'big' } }, /alpha_pattern\["q_proj"\] is "big"/],
    [{ bias: 'all' }, /bias is "all"/],
    [{ lora_bias: true }, /lora_bias is true/],
    [{ fan_in_fan_out: true }, /fan_in_fan_out is true/],
    [{ layer_replication: [[0, 2]] }, /layer_replication/],
    [{ trainable_token_indices: [5] }, /trainable_token_indices/],
    [{ init_lora_weights: 'pissa_niter_4' }, /init_lora_weights is "pissa_niter_4"; this start changes the base weights/],
    [{ use_qalora: true }, /use_qalora is true; this feature of PEFT is not known here/],
    [{ alora_invocation_tokens: [1, 2] }, /alora_invocation_tokens/],
    [{ peft_type: 'IA3' }, /peft_type is "IA3"/],
    [{ r: 3 }, /shape \[2,3\]; with r = 3/],
    [{ lora_alpha: '8' }, /lora_alpha is "8"/],
  ])('refuses what would change the mathematics: %j', (change, message) => {
    writePeftAdapter(folder, adapter())
    const path = join(folder, 'adapter_config.json')
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...change }))
    expect(() => readPeftAdapter(folder)).toThrow(message)
  })

  it('reads and writes DoRA, with PEFT\'s name for the magnitude', () => {
    const dora = adapter()
    dora.config.useDora = true
    dora.weights.set('model.layers.0.self_attn.q_proj.lora_magnitude_vector', tensor([5]))
    writePeftAdapter(folder, dora)
    expect([...readSafetensors(join(folder, 'adapter_model.safetensors')).tensors.keys()].at(-1)).toBe('base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector')
    expect(readFileSync(join(folder, 'adapter_config.json'), 'utf8')).toContain('"use_dora": true')
    const back = readPeftAdapter(folder)
    expect(back.config.useDora).toBe(true)
    expect(moduleUpdates(back).get('model.layers.0.self_attn.q_proj')?.magnitude).toEqual(tensor([5]).data)
    dora.weights.set('model.layers.0.self_attn.q_proj.lora_magnitude_vector', tensor([4]))
    expect(() => writePeftAdapter(folder, dora)).toThrow(/shape \[4\]; its lora_B has 5 rows/)
    dora.config.useDora = false
    expect(() => writePeftAdapter(folder, dora)).toThrow(/belongs to DoRA, but use_dora is false/)
  })

  it('gives each module the rank and alpha of its pattern', () => {
    const [q, v] = ['model.layers.0.self_attn.q_proj', 'model.layers.1.self_attn.v_proj']
    const mixed: LoraAdapter = {
      config: { ...adapter().config, rankPattern: { 'layers.1.self_attn.v_proj': 1 }, alphaPattern: { '.*layers\\.[1-9]\\..*': 6 } },
      weights: new Map([[`${q}.lora_A.weight`, tensor([2, 3])], [`${q}.lora_B.weight`, tensor([5, 2])], [`${v}.lora_A.weight`, tensor([1, 3])], [`${v}.lora_B.weight`, tensor([4, 1])]]),
    }
    writePeftAdapter(folder, mixed)
    const updates = moduleUpdates(readPeftAdapter(folder))
    expect([...updates].map(([module, { rank, scaling }]) => [module, rank, scaling])).toEqual([[q, 2, 2], [v, 1, 6]])
    expect(vllmServing(mixed.config)).toHaveProperty('obstacle')
  })

  it('takes keys that change nothing, as newer releases write them', () => {
    writePeftAdapter(folder, adapter())
    const path = join(folder, 'adapter_config.json')
    const newer = { corda_config: null, eva_config: null, exclude_modules: null, qalora_group_size: 16, use_qalora: false, trainable_token_indices: null, target_parameters: null, runtime_config: { ephemeral_gpu_offload: false } }
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), ...newer }))
    expect(readPeftAdapter(folder).config.rank).toBe(2)
  })

  it('knows the rank flag that vLLM needs', () => {
    const flag = (rank: number): unknown => vllmServing({ ...adapter().config, rank })
    expect([1, 2, 8, 9, 33, 257, 512].map(flag)).toEqual([1, 8, 8, 16, 64, 320, 512].map((maxLoraRank) => ({ maxLoraRank })))
    expect(flag(513)).toHaveProperty('obstacle')
    expect(vllmServing({ ...adapter().config, useDora: true })).toHaveProperty('obstacle')
  })

  it('names the first number that is none', () => {
    const broken = adapter()
    const b = broken.weights.get('model.layers.0.self_attn.q_proj.lora_B.weight')
    if (b) b.data[7] = NaN
    writePeftAdapter(folder, broken)
    expect(() => readPeftAdapter(folder)).toThrow(/q_proj.lora_B.weight" holds NaN at \[3, 1\]/)
  })

  it('refuses a factor without its partner', () => {
    const lone = adapter()
    lone.weights.delete('model.layers.0.self_attn.q_proj.lora_B.weight')
    expect(() => writePeftAdapter(folder, lone)).toThrow(/has no partner/)
  })
})
