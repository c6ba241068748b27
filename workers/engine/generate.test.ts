import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bitsPerByte } from './bits-per-byte.js'
import { describeWithStories, storiesFiles } from '../../tests/support/stories260k.js'
import { convertLlama2c } from './formats/llama2c.js'
import { writePeftAdapter, type AdapterTensor } from './formats/peft.js'
import { readTensorF32 } from './formats/safetensors.js'
import { openWeights } from './formats/weights.js'
import { LlamaRunner } from './models/llama-decode.js'
import { createTrainer } from './trainer.js'
import { openLanguageModel, type LanguageModel } from './generate.js'

const GOLDEN = 'Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.'

describeWithStories('generation with stories260K', () => {
  let folder = ''
  let model: LanguageModel
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'generate-'))
    convertLlama2c({ ...storiesFiles(), folder })
    model = await openLanguageModel({ folder, threads: 1, device: 'cpu' })
  })
  afterAll(async () => {
    await model.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('tells the logits of the token that would follow a text', async () => {
    const text = 'Once upon a time, there was a little'
    const tokens = model.tokenizer.encode(text)
    const next = await model.nextLogits(text)
    const all = await model.logits(tokens)
    expect(next.tokens).toBe(tokens.length)
    const last = all.subarray(all.length - model.config.vocabSize)
    expect(next.logits).toHaveLength(model.config.vocabSize)
    for (const [id, logit] of next.logits.entries()) expect(logit).toBeCloseTo(last[id] ?? NaN, 3)
    expect((await model.generate(text, { maxTokens: 1 })).text).toBe(model.tokenizer.decode([...tokens, next.logits.indexOf(Math.max(...next.logits))], { skipSpecialTokens: true }).slice(text.length))
  })

  it('tells the golden story greedily, streaming', async () => {
    const pieces: string[] = []
    const story = await model.generate([1], { maxTokens: 200, stop: ['\n'], onToken: (text) => pieces.push(text) })
    expect(story.text).toBe(GOLDEN)
    expect(pieces.join('')).toBe(GOLDEN)
    expect(pieces.length).toBeGreaterThan(50)
    expect([story.tokensIn, story.finishReason]).toEqual([1, 'stop'])
    expect(story.ttftMs).toBeLessThanOrEqual(story.totalMs)
    expect((await model.generate('', { maxTokens: 200, stop: ['\n'] })).text).toBe(GOLDEN)
  })

  it('decodes token by token to the logits of one full pass', async () => {
    const tokens = model.tokenizer.encode(`${GOLDEN} ${GOLDEN}`).slice(0, 90)
    const full = await model.logits(tokens)
    const V = model.config.vocabSize
    const runner = new LlamaRunner({ folder, config: model.config, device: 'cpu', threads: 1 })
    const cache = runner.newCache()
    // Five at once, thirty more behind the cache, then one by one across its growth from 64 to 128 slots.
    await runner.extend(cache, tokens.slice(0, 5))
    let logits = await runner.extend(cache, tokens.slice(5, 35))
    for (let count = 35; count < tokens.length; count++) {
      expect(largestDifference(logits, full.subarray((count - 1) * V, count * V))).toBeLessThan(1e-4)
      logits = await runner.extend(cache, tokens.slice(count, count + 1))
    }
    expect(cache.length).toBe(90)
    await runner.close()
  })

  it('gives the loss PyTorch gives', async () => {
    // PyTorch 1.13, float32, modeling_llama's formulas on the converted weights: 1.66593826, and these logits at place 10.
    const tokens = model.tokenizer.encode('Tom had a small blue boat. He took it to the lake and it was very happy. "Look, mom!" he said.')
    const [losses = new Float32Array()] = await model.tokenLosses([tokens])
    expect(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toBeCloseTo(1.66593826, 5)
    const logits = await model.logits(tokens)
    const place = 10 * model.config.vocabSize
    expect(largestDifference(logits.subarray(place, place + 3), Float32Array.of(-15.3559065, -4.3702993, -15.3565521))).toBeLessThan(5e-5)
  })

  it('scores continuations as the full pass does, in one batch', async () => {
    const continuations = [' named Lily', ' named Tom. He', ' big']
    const scores = await model.logLikelihood('Once upon a time, there was a little girl', continuations)
    expect(scores[0]?.logLikelihood).toBeCloseTo(await fullPassLogLikelihood(model, 'Once upon a time, there was a little girl', ' named Lily'), 4)
    const alone = await Promise.all(continuations.map(async (text) => (await model.logLikelihood('Once upon a time, there was a little girl', [text]))[0]))
    scores.forEach((score, index) => expect(score.logLikelihood).toBeCloseTo(alone[index]?.logLikelihood ?? NaN, 4))
    expect(scores.map(({ isGreedy }) => isGreedy)).toEqual([true, false, false])
    // A trailing space of the prompt belongs to the continuation.
    const spaced = await model.logLikelihood('Once upon a time, there was a little girl ', ['named Lily'])
    expect(spaced[0]).toEqual({ ...scores[0], logLikelihood: expect.closeTo(scores[0]?.logLikelihood ?? NaN, 4) })
    await expect(model.logLikelihood('Once', [''])).rejects.toThrow(/continuation 1 is empty/)
  })

  it('measures bits per byte over windows, each token once', async () => {
    const bits = await bitsPerByte(model, [GOLDEN])
    const [losses] = await model.tokenLosses([model.tokenizer.encode(GOLDEN)])
    expect(losses?.length).toBe(model.tokenizer.encode(GOLDEN).length - 1)
    expect(bits).toBeCloseTo((losses ?? new Float32Array()).reduce((sum, loss) => sum + loss, 0) / Math.LN2 / GOLDEN.length, 6)
    expect(await bitsPerByte(model, ['UPPER CASE NOISE #%& 12345'])).toBeGreaterThan(4 + bits)
    // 512 positions: tokens up to 512 in the first window, the rest behind a context that begins at 256.
    const long = `${GOLDEN} `.repeat(11).trimEnd()
    const tokens = model.tokenizer.encode(long)
    expect(tokens.length).toBeGreaterThan(600)
    expect(tokens.length).toBeLessThan(769)
    const [first, second] = await model.tokenLosses([tokens.slice(0, 513), tokens.slice(256)])
    const nats = [...(first ?? []), ...(second ?? []).slice(512 - 256)].reduce((sum, loss) => sum + loss, 0)
    expect(await bitsPerByte(model, [long])).toBeCloseTo(nats / Math.LN2 / long.length, 6)
    expect(await bitsPerByte(model, [])).toBeNaN()
  })

  it('samples the same text for the same seed and other text for another', async () => {
    const tell = async (seed: number): Promise<string> => (await model.generate('Once', { maxTokens: 40, temperature: 1, topP: 0.9, topK: 50, seed })).text
    expect(await tell(7)).toBe(await tell(7))
    expect(await tell(7)).not.toBe(await tell(8))
  })

  it('answers many prompts at once as it answers each alone', async () => {
    // More than there are places, of different lengths, that end at different tokens: some by a stop text, some by their limit.
    const prompts = ['Once upon a time', 'Tom had a small blue boat. He took it to the lake and', 'Lily', 'One day, a big dog', 'The sun was', 'Mom said', 'Ben and Mia like to play in the park with their', 'It was', 'There was a little girl who', 'A bird']
    const ask = (prompt: string, index: number): Promise<{ text: string }> =>
      model.generate(prompt, { maxTokens: 5 + 9 * index, stop: index % 3 === 0 ? ['.'] : [], temperature: index % 2, topP: 0.9, seed: index, repetitionPenalty: index === 4 ? 1.3 : 1 })
    const together = await Promise.all(prompts.map(ask))
    for (const [index, prompt] of prompts.entries()) expect(together[index]?.text, prompt).toBe((await ask(prompt, index)).text)
  })

  it('lets the others go on when one is stopped', async () => {
    const stop = new AbortController()
    const [kept, stopped] = [model.generate('Once upon a time', { maxTokens: 40 }), model.generate('Tom had', { maxTokens: 40, signal: stop.signal, onToken: () => stop.abort() })]
    await expect(stopped).rejects.toThrow('aborted')
    expect((await kept).text).toBe((await model.generate('Once upon a time', { maxTokens: 40 })).text)
  })

  it('refuses a prompt that fills the context, and stops at its end', async () => {
    await expect(model.generate(repeated(1, 512), { maxTokens: 1 })).rejects.toMatchObject({ code: 'context_exceeded', details: { tokens: 512, contextTokens: 512 } })
    const last = await model.generate(repeated(300, 510), { maxTokens: 50 })
    expect([last.tokensOut, last.finishReason]).toEqual([2, 'length'])
    await expect(model.generate([512], { maxTokens: 1 })).rejects.toThrow(/token 512 is not in the model's vocabulary/)
    await expect(model.generate('x', { maxTokens: 1, topP: 0 })).rejects.toThrow(/topP is 0/)
  })

  it('applies an adapter as if it were merged into the weights, and lets it go', async () => {
    const module = 'model.layers.1.mlp.up_proj'
    const [rank, width, out] = [2, 64, 172]
    const noise = (length: number, step: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(i * step) * 0.3)
    const [a, b] = [noise(rank * width, 0.7), noise(out * rank, 1.3)]
    const adapterFolder = join(folder, 'adapter')
    const weights = new Map<string, AdapterTensor>([[`${module}.lora_A.weight`, { shape: [rank, width], data: a }], [`${module}.lora_B.weight`, { shape: [out, rank], data: b }]])
    writePeftAdapter(adapterFolder, { config: { rank, alpha: 4, dropout: 0, targetModules: ['up_proj'], useRslora: false, baseModelNameOrPath: folder }, weights })
    const entry = openWeights(folder).get(`${module}.weight`)
    if (entry === undefined) throw new Error('no up_proj')
    const merged = readTensorF32(entry.file, entry)
    for (let o = 0; o < out; o++) for (let i = 0; i < width; i++) for (let r = 0; r < rank; r++) merged[o * width + i] = (merged[o * width + i] ?? 0) + 2 * (b[o * rank + r] ?? 0) * (a[r * width + i] ?? 0)
    const mergedModel = await openLanguageModel({ folder, threads: 1, device: 'cpu', liveWeights: new Map([[`${module}.weight`, merged]]) })

    const tokens = model.tokenizer.encode('Once upon a time')
    const base = await model.logits(tokens)
    model.useAdapter({ folder: adapterFolder })
    const adapted = await model.logits(tokens)
    model.useAdapter({ weights: new Map([...weights].map(([name, { data }]) => [`base_model.model.${name}`, data])), rank, scaling: 2 })
    expect(await model.logits(tokens)).toEqual(adapted)
    model.useAdapter(null)
    expect(await model.logits(tokens)).toEqual(base)
    const expected = await mergedModel.logits(tokens)
    await mergedModel.close()
    expect(largestDifference(adapted, expected)).toBeLessThan(1e-4)
    expect(largestDifference(adapted, base)).toBeGreaterThan(0.01)
  })

  it('answers with the weights a trainer has just now', async () => {
    const tokens = model.tokenizer.encode('Once upon a time, there was a dog named Rex.')
    const example = { id: 'rex', tokens, labels: tokens }
    const trainer = await createTrainer({
      modelFolder: folder, lora: { rank: 4, alpha: 8, dropout: 0, targetModules: ['all-linear'] }, learningRate: 1e-2, schedule: 'constant', warmupSteps: 0, totalSteps: 10,
      weightDecay: 0, maxGradNorm: 1, betas: [0.9, 0.999], eps: 1e-8, batchSize: 1, maxLength: 64, packing: false, seed: 1, threads: 1, device: 'cpu',
    }, [example])
    for (let step = 0; step < 10; step++) await trainer.step()
    const { loss, tokens: count } = await trainer.evaluate([example])
    model.useAdapter({ weights: trainer.weights(), rank: 4, scaling: 2 })
    const [score] = await model.logLikelihood('', ['Once upon a time, there was a dog named Rex.'])
    const story = await model.generate('Once upon a time, there was a', { maxTokens: 30, stop: ['.'] })
    model.useAdapter(null)
    await trainer.dispose()
    expect(score?.tokens).toBe(count)
    expect(-(score?.logLikelihood ?? NaN) / count).toBeCloseTo(loss, 5)
    expect(story.text).toBe(' dog named Rex')
  })
})

async function fullPassLogLikelihood(model: LanguageModel, prompt: string, continuation: string): Promise<number> {
  const tokens = model.tokenizer.encode(prompt + continuation)
  const logits = await model.logits(tokens)
  const V = model.config.vocabSize
  let total = 0
  for (let place = model.tokenizer.encode(prompt).length; place < tokens.length; place++) {
    const row = logits.subarray((place - 1) * V, place * V)
    total += (row[tokens[place] ?? 0] ?? NaN) - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0))
  }
  return total
}

function repeated(token: number, length: number): number[] {
  return Array.from({ length }, () => token)
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((max, value, index) => Math.max(max, Math.abs(value - (b[index] ?? NaN))), 0)
}
