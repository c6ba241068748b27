// What is exported as GGUF, run by llama.cpp itself, against the engine on the original: tokens, logits, greedy text, likelihoods, adapters.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { LlamaConfig } from '../../workers/engine/engine.js'
import { convertLlama2c } from '../../workers/engine/formats/llama2c.js'
import { writePeftAdapter, type AdapterTensor } from '../../workers/engine/formats/peft.js'
import { openLanguageModel, type LanguageModel } from '../../workers/engine/generate.js'
import { exportGgufAdapter, exportGgufModel } from '../../workers/engine/gguf-export.js'
import { LLAMA_CPP_PACKAGE, openGgufModel, type GgufModel } from '../../workers/engine/llama-cpp.js'
import { loraShapes, loraTargets } from '../../workers/engine/lora.js'
import { readLlamaConfig } from '../../workers/engine/models/llama-config.js'
import { Random } from '../../workers/engine/random.js'
import { sizeOf } from '../../workers/engine/tensor.js'
import { describeWithPackage } from '../support/packages.js'
import { writeRandomLlama } from '../support/random-llama.js'
import { storiesFiles, storiesFolder } from '../support/stories260k.js'

const root = mkdtempSync(join(tmpdir(), 'llama-cpp-'))
const nano = fileURLToPath(new URL('../../models/nano-pt-en', import.meta.url))
const stories = join(root, 'stories')
const cpu = { threads: 1, device: 'cpu' } as const
// llama.cpp's threads wait by spinning: beside other work each token takes many times as long.
vi.setConfig({ testTimeout: 60_000 })
const hasStories = existsSync(storiesFolder)
const models: [string, string, string][] = [
  ['nano-pt-en', nano, 'O Brasil é um país de 8.515.767 km². It\'s big, isn\'t it? <|user|>Olá,  mundo\n\n  🙂'],
  ...(hasStories ? [['stories260K', stories, 'Once upon a time, Lily   saw a 大 dog.\n"Hi!"'] as [string, string, string]] : []),
]

describeWithPackage(LLAMA_CPP_PACKAGE, 'GGUF in llama.cpp against the engine', () => {
  beforeAll(() => {
    if (hasStories) convertLlama2c({ ...storiesFiles(), folder: stories })
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  async function both(folder: string, gguf: string | { path: string; cache: 'F32' }, work: (engine: LanguageModel, other: GgufModel) => Promise<void>): Promise<void> {
    const [engine, other] = [await openLanguageModel({ folder, ...cpu }), await openGgufModel({ ...(typeof gguf === 'string' ? { path: gguf } : gguf), ...cpu })]
    try {
      await work(engine, other)
    } finally {
      await engine.close()
      await other.close()
    }
  }

  describe.each(models)('%s', (name, folder, text) => {
    const exported = (dtype: 'F32' | 'F16' | 'Q8_0'): string => {
      const path = join(root, `${name}-${dtype}.gguf`)
      if (!existsSync(path)) exportGgufModel({ modelFolder: folder, adapterFolder: null, path, dtype })
      return path
    }

    it('reads a text as the same tokens and gives it back', () => both(folder, exported('F16'), async (engine, other) => {
      expect(other.tokenizer.encode(text)).toEqual(engine.tokenizer.encode(text))
      const ids = engine.tokenizer.encode(text, { addSpecialTokens: false })
      expect(other.tokenizer.decode(ids)).toBe(engine.tokenizer.decode(ids))
      expect(other.tokenizer.decode(ids)).toBe(text)
    }))

    it('has the same logits in F32', () => both(folder, { path: exported('F32'), cache: 'F32' }, async (engine, other) => {
      const tokens = engine.tokenizer.encode(text)
      const given = await other.logits(tokens)
      expect(given.length).toBe(tokens.length * engine.config.vocabSize)
      expect(farthest(given, await engine.logits(tokens))).toBeLessThan(1e-4)
    }))

    // Half-precision keys and values, llama.cpp's default, alone move logits by a thousandth of the largest.
    it.each([['F32', 2e-3], ['F16', 3e-3], ['Q8_0', 4e-2]] as const)('has near-equal logits in %s as llama.cpp runs by default', (dtype, tolerance) => both(folder, exported(dtype), async (engine, other) => {
      const tokens = engine.tokenizer.encode(text)
      const wanted = await engine.logits(tokens)
      const largest = wanted.reduce((max, value) => Math.max(max, Math.abs(value)), 0)
      expect(farthest(await other.logits(tokens), wanted) / largest).toBeLessThan(tolerance)
    }))

    it.each(['F16', 'Q8_0'] as const)('tells the same greedy story in %s', (dtype) => both(folder, exported(dtype), async (engine, other) => {
      const prompt = name === 'nano-pt-en' ? 'A cidade de São Paulo' : 'Once upon a time'
      const options = { maxTokens: 40, temperature: 0, stop: ['park.'] }
      const pieces: string[] = []
      const [wanted, given] = [await engine.generate(prompt, options), await other.generate(prompt, { ...options, onToken: (piece) => pieces.push(piece) })]
      const { ttftMs, totalMs, ...rest } = given
      expect(rest).toEqual({ text: wanted.text, tokensIn: wanted.tokensIn, tokensOut: wanted.tokensOut, finishReason: wanted.finishReason })
      expect(given.text.length).toBeGreaterThan(20)
      expect(pieces.join('')).toBe(given.text)
      expect([ttftMs > 0, ttftMs < totalMs]).toEqual([true, true])
    }))
  })

  it('finds the same likelihoods of continuations', () => both(nano, join(root, 'nano-pt-en-F16.gguf'), async (engine, other) => {
    const [prompt, labels] = ['The capital of Brazil is', [' Brasília', ' London', ' a']]
    const [wanted, given] = [await engine.logLikelihood(prompt, labels), await other.logLikelihood(prompt, labels)]
    for (const [index, { logLikelihood, tokens, isGreedy }] of wanted.entries()) {
      expect(given[index]).toMatchObject({ tokens, isGreedy })
      expect(given[index]?.logLikelihood).toBeCloseTo(logLikelihood, 2)
    }
    expect(await other.logLikelihood(prompt, labels)).toEqual(given)
  }))

  it('samples the same for the same seed, grows its context, and says when a prompt does not fit', async () => {
    const model = await openGgufModel({ path: join(root, 'nano-pt-en-F16.gguf'), ...cpu })
    const sample = async (seed: number, topK = 0): Promise<string> => (await model.generate('Era uma vez', { maxTokens: 24, temperature: 1.2, topK, topP: 0.95, seed })).text
    expect(await sample(3)).toBe(await sample(3))
    expect(await sample(3)).not.toBe(await sample(4))
    const greedy = (await model.generate('Era uma vez', { maxTokens: 24, temperature: 0 })).text
    expect(await sample(5, 1)).toBe(greedy)
    const long = await model.generate(Array.from({ length: 900 }, (_, index) => 300 + index), { maxTokens: 500, temperature: 0 })
    expect([long.tokensIn, long.tokensOut <= 124]).toEqual([900, true])
    await expect(model.generate(Array.from({ length: 1024 }, () => 300), { maxTokens: 1 })).rejects.toMatchObject({ code: 'context_exceeded', details: { tokens: 1024, contextTokens: 1024 } })
    expect((await model.generate('Era uma vez', { maxTokens: 24, temperature: 0 })).text).toBe(greedy)
    const chat = [{ role: 'user', content: 'Oi' }]
    const engine = await openLanguageModel({ folder: nano, ...cpu })
    expect(model.tokenizer.applyChatTemplate(chat, { addGenerationPrompt: true })).toBe(engine.tokenizer.applyChatTemplate(chat, { addGenerationPrompt: true }))
    await engine.close()
    await model.close()
  })

  const shapes: LlamaConfig = { hiddenSize: 64, intermediateSize: 96, layers: 2, heads: 4, kvHeads: 2, headDim: 32, vocabSize: 4096, maxPositions: 512, ropeTheta: 1000, ropeScaling: null, rmsNormEps: 1e-5, tieEmbeddings: false, qkvBias: false }
  it.each<[string, LlamaConfig]>([
    ['scaled rotary positions as in Llama 3, heads wider than the model', { ...shapes, ropeScaling: { factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 64 } }],
    ['biases as in Qwen 2', { ...shapes, headDim: 16, qkvBias: true, tieEmbeddings: true }],
  ])('has the logits of %s', async (name, config) => {
    const [folder, path] = [join(root, name), join(root, `${name}.gguf`)]
    writeRandomLlama({ folder, config, dtype: 'F32', seed: 4 })
    exportGgufModel({ modelFolder: folder, adapterFolder: null, path, dtype: 'F32' })
    await both(folder, { path, cache: 'F32' }, async (engine, other) => {
      const tokens = Array.from({ length: 200 }, (_, index) => (index * 37) % 4096)
      expect(farthest(await other.logits(tokens), await engine.logits(tokens))).toBeLessThan(1e-4)
    })
  })

  it('applies an adapter as the engine does, merged or beside the model', async () => {
    const adapterFolder = join(root, 'adapter')
    writeAdapter(adapterFolder, readLlamaConfig(nano))
    const [merged, base, beside] = ['merged.gguf', 'nano-pt-en-F32.gguf', 'beside.gguf'].map((file) => join(root, file)) as [string, string, string]
    exportGgufModel({ modelFolder: nano, adapterFolder, path: merged, dtype: 'F32' })
    exportGgufAdapter({ modelFolder: nano, adapterFolder, path: beside, dtype: 'F32' })
    const engine = await openLanguageModel({ folder: nano, ...cpu })
    const tokens = engine.tokenizer.encode('A cidade de São Paulo é')
    const plain = await engine.logits(tokens)
    engine.useAdapter({ folder: adapterFolder })
    const wanted = await engine.logits(tokens)
    await engine.close()
    expect(farthest(wanted, plain)).toBeGreaterThan(1)
    for (const options of [{ path: merged }, { path: base, adapterPath: beside }]) {
      const other = await openGgufModel({ ...options, ...cpu, cache: 'F32' })
      expect(farthest(await other.logits(tokens), wanted)).toBeLessThan(1e-4)
      await other.close()
    }
  })
})

/** rsLoRA, with a rank of its own for some modules. */
function writeAdapter(folder: string, config: LlamaConfig): void {
  const random = new Random(12)
  const weights = new Map<string, AdapterTensor>()
  for (const [modules, rank] of [[['q_proj', 'k_proj'], 4], [['down_proj'], 2]] as const) {
    const lora = { rank, alpha: 4, dropout: 0, targetModules: [...modules] }
    for (const [name, shape] of loraShapes(loraTargets(config, lora), lora)) weights.set(name, { shape: [...shape], data: Float32Array.from({ length: sizeOf(shape) }, () => 0.15 * random.normal()) })
  }
  writePeftAdapter(folder, { config: { rank: 4, alpha: 4, dropout: 0, targetModules: ['q_proj', 'k_proj', 'down_proj'], useRslora: true, rankPattern: { down_proj: 2 }, baseModelNameOrPath: 'nano-pt-en' }, weights })
}

function farthest(a: Float32Array, b: Float32Array): number {
  return a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (b[index] ?? NaN))), 0)
}
