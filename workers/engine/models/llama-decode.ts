/**
 * Runs a Llama for inference: prompts into caches, next tokens out of them, scores of given continuations. Shapes of
 * graphs are static, but for decoding on the CPU, so a session is kept for each bucket of tokens and cache slots.
 */
import { EngineError } from '../engine-error.js'
import type { Device, LlamaConfig } from '../engine.js'
import { compile, floats, type Data, type Session } from '../executors/executor.js'
import { isQuantized, namedEntries, openFrozenWeights } from '../frozen-weights.js'
import type { Parameters } from '../parameters.js'
import type { Quantization } from '../quantization.js'
import { SessionCache } from '../session-cache.js'
import type { BaseWeights } from '../weight-cache.js'
import { sizeOf } from '../tensor.js'
import { DecodeBatch, type BatchedSequence } from './decode-batch.js'
import { headScores } from './head-blocks.js'
import { inferenceGraph, stretchGraph, stretchName, type InferenceModel, type LoraFactors, type StepShape } from './inference-graph.js'
import { KeyValueCache } from './kv-cache.js'
import { refuseNonFinite } from './llama-weights.js'
import { llamaWeightShapes } from './llama.js'
import { anglesAt } from './rope.js'
import { attentionMask, BLOCKED, checkTokens, chunkBucket, grouped, joined, LONGEST_CHUNK, padded, unknownToken } from './token-rows.js'

const MAX_SESSIONS = 16
/** A session with weights of its own counts for as many others: no more than two are kept. */
const REPACKED_SIZE = MAX_SESSIONS / 2
/**
 * Weights that take no more than this in f32 are held once more for decoding, in the layout that kernels read half as
 * fast again: those of 16 bits too. Of quantised ones, int4 is computed on as it is, and no other is held once more,
 * since whoever quantises wants their memory.
 */
const REPACK_LIMIT_BYTES = 2 ** 30
/** Weights of its own that are not worth compiling a session again. */
const LITTLE_BYTES = 64 * 2 ** 20
/** Prompts share a pass up to so many tokens: with more, products are no longer bound by reading the weights. */
const SHARED_TOKENS = 256

export interface LlamaRunnerOptions {
  folder: string
  config: LlamaConfig
  /** The number format of the weights; left out, that of the folder. */
  base?: BaseWeights
  device: Device
  threads: number
  /** Weights that take no more than this in f32 are held once more for decoding. Default 1 GiB. */
  repackLimitBytes?: number
  /** Replaces weights of the folder by name. With every weight given, the folder needs no safetensors. */
  liveWeights?: ReadonlyMap<string, Float32Array>
}

export interface ScoredTokens {
  /** −log p of each label, in nats. */
  nll: Float32Array
  /** The most probable token at each place. */
  best: number[]
}

export interface Prompt {
  /** An empty cache, which the prompt's keys and values go into. */
  cache: KeyValueCache
  tokens: readonly number[]
}

/** Tokens that go through, and what a pass must be told of them. */
interface Pass {
  tokens: readonly number[]
  /** Of each token, the sequence it belongs to and its place behind the cache. */
  segments: readonly number[]
  offsets: readonly number[]
}

export class LlamaRunner {
  readonly config: LlamaConfig
  readonly #options: LlamaRunnerOptions
  readonly #weights: Pick<Parameters, 'trainable' | 'frozen'>
  /** The session that decodes holds weights of its own. */
  readonly #repacks: boolean
  readonly #repackedBytes: number
  readonly #isQuantized: boolean
  readonly #sessions = new SessionCache<Session>(MAX_SESSIONS, (session) => session.dispose())
  #lastRun: Promise<undefined> = Promise.resolve(undefined)
  #adapter: ReadonlyMap<string, LoraFactors> = new Map()
  /** By module, what DoRA multiplies each output with; made before an adapter's first run, null until then. */
  #stretches: ReadonlyMap<string, Float32Array> | null = null
  #isClosed = false

  constructor(options: LlamaRunnerOptions) {
    this.#options = options
    this.config = options.config
    this.#weights = splitWeights(options)
    const frozen = [...this.#weights.frozen.values()]
    this.#isQuantized = frozen.some(isQuantized)
    // Beside quantised weights, those of 16 bits stay as they are.
    const widened = frozen.filter((weight) => !this.#isQuantized || (!isQuantized(weight) && weight.dtype === 'F32'))
    const bytes = 4 * widened.reduce((sum, { shape }) => sum + sizeOf(shape), 0)
    this.#repacks = options.device === 'cpu' && bytes <= (options.repackLimitBytes ?? REPACK_LIMIT_BYTES)
    this.#repackedBytes = this.#repacks ? bytes : 0
  }

  /** Module path → factors; an empty map is the base model. Caches made under another adapter are not valid under this one. */
  useAdapter(adapter: ReadonlyMap<string, LoraFactors>): void {
    const shapes = llamaWeightShapes(this.config)
    for (const [module, { rank, a, b, magnitude }] of adapter) {
      const [out = 0, width = 0] = shapes.get(`${module}.weight`) ?? []
      if (magnitude !== undefined && magnitude.length !== out) throw new EngineError('adapter_invalid', `the adapter has ${magnitude.length} magnitudes for ${module}; the model's has ${out} rows; it was trained on another model`, { module })
      if (a.length !== rank * width || b.length !== out * rank || out === 0) {
        throw new EngineError('adapter_invalid', `the adapter's factors for ${module} have ${a.length} and ${b.length} values; the model's ${out === 0 ? 'has no such linear layer' : `[${out}, ${width}] at rank ${rank} needs ${rank * width} and ${out * rank}`}; it was trained on another model`, { module })
      }
    }
    this.#adapter = adapter
    this.#stretches = null
  }

  /** Appends tokens to the cache; logits [rows.length, V] of the given token indexes (default: the last). */
  async extend(cache: KeyValueCache, tokens: readonly number[], rows: readonly number[] = [tokens.length - 1]): Promise<Float32Array> {
    checkTokens(tokens, this.config)
    const V = this.config.vocabSize
    const logits = new Float32Array(rows.length * V)
    cache.reserve(tokens.length)
    for (let start = 0; start < tokens.length; start += LONGEST_CHUNK) {
      const chunk = tokens.slice(start, start + LONGEST_CHUNK)
      const places = rows.flatMap((row, index) => (row >= start && row < start + chunk.length ? [{ index, row: row - start }] : []))
      // A chunk without wanted rows still computes one: the graph's shape must not be empty.
      const asked = places.length === 0 ? [0] : places.map(({ row }) => row)
      const out = await this.#extendChunk(cache, chunk, asked)
      places.forEach(({ index }, k) => logits.set(out.subarray(k * V, (k + 1) * V), index * V))
    }
    this.#refuseNonFinite(logits)
    return logits
  }

  /**
   * Puts prompts into empty caches of theirs; logits [V] behind the last token of each. Short ones share a pass, one
   * after the other in a row in which none sees another, so that the weights are read once for them; each is told
   * when its own pass is done.
   */
  prefill(prompts: readonly Prompt[]): Promise<Float32Array>[] {
    const passes = new Map<Prompt, Promise<Float32Array>>()
    // A token that the model has not must not fail the others.
    const short = prompts.filter(({ tokens }) => tokens.length > 0 && tokens.length < SHARED_TOKENS && unknownToken(tokens, this.config) === undefined)
    for (const group of grouped(short, ({ tokens }) => tokens.length, SHARED_TOKENS)) {
      if (group.length === 1) continue
      const pass = this.#prefillTogether(group)
      for (const [index, prompt] of group.entries()) passes.set(prompt, pass.then((logits) => logits[index] ?? new Float32Array()))
    }
    return prompts.map((prompt) => passes.get(prompt) ?? this.extend(prompt.cache, prompt.tokens))
  }

  async #prefillTogether(prompts: readonly Prompt[]): Promise<Float32Array[]> {
    const pass = joined(prompts.map(({ tokens }) => tokens))
    const [T, R, V] = [chunkBucket(pass.tokens.length), chunkBucket(prompts.length), this.config.vocabSize]
    const ends = prompts.map((_, index) => pass.segments.lastIndexOf(index))
    const feeds = this.#passFeeds(pass, { T, P: 0, cached: 0 }).set('rows', padded(ends, R))
    const outputs = await this.#run({ kind: 'extend', B: 1, T, P: 0, R }, feeds)
    let from = 0
    for (const { cache, tokens } of prompts) {
      cache.reserve(tokens.length)
      cache.append(outputs, { count: tokens.length, stride: T, from })
      from += tokens.length
    }
    const logits = floats(outputs, 'logits')
    return prompts.map((_, index) => {
      const row = logits.subarray(index * V, (index + 1) * V)
      this.#refuseNonFinite(row)
      return row
    })
  }

  /** A NaN in any weight reaches every logit of the rows it takes part in, a NaN in a row of the head only one, which no sampler picks. */
  #refuseNonFinite(results: Float32Array): void {
    if (results.length === 0 || Number.isFinite(results[0])) return
    refuseNonFinite(namedEntries(this.#weights.frozen))
    throw new EngineError('weights_invalid', `the model's results are ${results[0]}; the weights in ${this.#options.folder} are finite, so an adapter or live weights are not, or the numbers overflow float32`)
  }

  async #extendChunk(cache: KeyValueCache, tokens: readonly number[], rows: readonly number[]): Promise<Float32Array> {
    const P = cache.length === 0 ? 0 : cache.capacity
    const [T, R] = [chunkBucket(tokens.length), rows.length === 1 ? 1 : chunkBucket(rows.length)]
    if (T === 1 && P > 0) return this.#extendByOne(cache, tokens)
    const feeds = this.#passFeeds(joined([tokens]), { T, P, cached: cache.length }).set('rows', padded(rows, R))
    if (P > 0) cache.addFeeds(feeds)
    const outputs = await this.#run({ kind: 'extend', B: 1, T, P, R }, feeds)
    cache.append(outputs, { count: tokens.length, stride: T })
    return floats(outputs, 'logits').subarray(0, rows.length * this.config.vocabSize)
  }

  async #extendByOne(cache: KeyValueCache, tokens: readonly number[]): Promise<Float32Array> {
    const feeds = this.#nextFeeds(tokens, { lengths: [cache.length], capacity: cache.capacity })
    cache.addFeeds(feeds)
    const outputs = await this.#run({ kind: 'next', B: 1, T: 1, P: cache.capacity, R: 1 }, feeds)
    cache.append(outputs, { count: 1, stride: 1 })
    return floats(outputs, 'logits')
  }

  /**
   * For each sequence, −log p of labels[i] after the cached prefix and inputs[0..i]. Sequences share one pass:
   * each sees the cache and itself, never another. The cache stays as it is.
   */
  async score(cache: KeyValueCache, sequences: readonly { inputs: readonly number[]; labels: readonly number[] }[]): Promise<ScoredTokens[]> {
    const results: ScoredTokens[] = []
    for (const batch of grouped(sequences, ({ inputs }) => inputs.length)) results.push(...(await this.#scoreBatch(cache, batch)))
    return results
  }

  async #scoreBatch(cache: KeyValueCache, batch: readonly { inputs: readonly number[]; labels: readonly number[] }[]): Promise<ScoredTokens[]> {
    const pass = joined(batch.map(({ inputs }) => inputs))
    checkTokens(pass.tokens, this.config)
    const [T, P] = [chunkBucket(pass.tokens.length), cache.length === 0 ? 0 : cache.capacity]
    const feeds = this.#passFeeds(pass, { T, P, cached: cache.length })
    feeds.set('labels', padded(batch.flatMap(({ labels }) => labels), T))
    if (P > 0) cache.addFeeds(feeds)
    const { nll, choice } = headScores(await this.#run({ kind: 'score', B: 1, T, P, R: 0 }, feeds))
    this.#refuseNonFinite(nll)
    let start = 0
    return batch.map(({ inputs }) => {
      const end = start + inputs.length
      const scored = { nll: nll.slice(start, end), best: Array.from(choice.subarray(start, end), Number) }
      start = end
      return scored
    })
  }

  /** Continues sequences of a batch by a token each, all in one run: logits [V] of each, in their order. */
  async decode(batch: DecodeBatch, entries: readonly { sequence: BatchedSequence; token: number }[]): Promise<Float32Array[]> {
    checkTokens(entries.map(({ token }) => token), this.config)
    const turn = this.#lastRun.then(async () => {
      const stepped = entries.map(({ sequence }) => ({ sequence, row: sequence.place }))
      const tokens = Array.from({ length: batch.rows }, () => 0)
      for (const { sequence, token } of entries) tokens[sequence.place] = token
      batch.reserve()
      const feeds = this.#nextFeeds(tokens, batch)
      batch.addFeeds(feeds)
      const outputs = await this.#runNow({ kind: 'next', B: tokens.length, T: 1, P: batch.capacity, R: tokens.length }, feeds)
      batch.append(outputs, stepped)
      const [logits, V] = [floats(outputs, 'logits'), this.config.vocabSize]
      return stepped.map(({ row }) => logits.subarray(row * V, (row + 1) * V))
    })
    this.#lastRun = turn.then(() => undefined, () => undefined)
    const logits = await turn
    for (const row of logits) this.#refuseNonFinite(row)
    return logits
  }

  newBatch(): DecodeBatch {
    return new DecodeBatch(this.config)
  }

  newCache(): KeyValueCache {
    return new KeyValueCache(this.config)
  }

  /** Gives back weights held for decoding, where they are more than a little; the next run compiles anew. */
  async release(): Promise<void> {
    await this.#lastRun
    if (this.#repackedBytes > LITTLE_BYTES) await this.#sessions.clear()
  }

  async close(): Promise<void> {
    await this.#lastRun
    this.#isClosed = true
    await this.#sessions.clear()
  }

  /** Padding may stand at any place below P + T, since nothing looks at it. */
  #passFeeds({ tokens, segments, offsets }: Pass, { T, P, cached }: { T: number; P: number; cached: number }): Map<string, Data> {
    return this.#sharedFeeds()
      .set('tokens', padded(tokens, T))
      .set('positions', BigInt64Array.from({ length: T }, (_, index) => BigInt(index < tokens.length ? cached + (offsets[index] ?? 0) : P)))
      .set('mask', attentionMask({ T, P, cached, segments }))
  }

  /** Each row's token stands behind what it has cached. */
  #nextFeeds(tokens: readonly number[], { lengths, capacity }: { lengths: readonly number[]; capacity: number }): Map<string, Data> {
    const { cos, sin } = anglesAt(this.config, lengths)
    const mask = new Float32Array(lengths.length * capacity).fill(BLOCKED)
    for (const [row, length] of lengths.entries()) mask.fill(0, row * capacity, row * capacity + length)
    return this.#sharedFeeds().set('tokens', padded(tokens, tokens.length)).set('cos', cos).set('sin', sin).set('mask', mask)
  }

  /** The adapter and the live weights. */
  #sharedFeeds(): Map<string, Data> {
    const feeds = new Map<string, Data>(this.#options.liveWeights)
    for (const [module, { a, b }] of this.#adapter) feeds.set(`${module}.lora_A`, a).set(`${module}.lora_B`, b)
    return feeds
  }

  /** One run after another: a session must not be released while another call waits to use it. */
  #run(shape: StepShape, feeds: ReadonlyMap<string, Data>): Promise<Map<string, Data>> {
    const turn = this.#lastRun.then(() => this.#runNow(shape, feeds))
    // The next run goes on whether this one failed or not; its caller hears of the failure through `turn`.
    this.#lastRun = turn.then(() => undefined, () => undefined)
    return turn
  }

  async #runNow(shape: StepShape, feeds: ReadonlyMap<string, Data>): Promise<Map<string, Data>> {
    if (this.#isClosed) throw new EngineError('input_invalid', 'this model is closed; open it again')
    const ranks = [...this.#adapter].map(([module, { rank, magnitude }]) => `${module}:${rank}${magnitude === undefined ? '' : ' stretched'}`).join(',')
    const { kind, B, T, P, R } = shape
    const isNext = kind === 'next'
    const prepack = isNext && this.#repacks
    // On the CPU one session decodes any number of sequences of any length; elsewhere each pair of sizes is compiled.
    const key = isNext && this.#options.device === 'cpu' ? kind : `${kind} ${B} ${T} ${P} ${R}`
    const options = { ...this.#options, prepack, widenOnce: prepack && !this.#isQuantized, keepsMemory: isNext }
    const session = await this.#sessions.get(`${key} ${ranks}`, () => ({ size: prepack ? REPACKED_SIZE : 1, compile: () => compile(inferenceGraph(this.#model(isNext), shape), options) }))
    this.#stretches ??= await this.#measureStretches()
    return session.run(new Map([...feeds, ...[...this.#stretches].map(([module, data]): [string, Data] => [stretchName(module), data])]), isNext ? { rows: B, capacity: P } : {})
  }

  #model(isNext: boolean): InferenceModel {
    // Where the session that decodes widens weights once and keeps them, it keeps the head with them.
    const keepsHead = isNext && this.#repacks && !this.#isQuantized
    const isCpu = this.#options.device === 'cpu'
    // The kernel of int4 is for few rows, and holds codes of its own.
    const codedFormats = new Set<Quantization>([...(isCpu ? (['nf4'] as const) : []), ...(isNext && this.#repacks ? (['int4'] as const) : [])])
    return { config: this.config, weights: this.#weights, adapter: this.#adapter, codedFormats, widensHeadInPieces: isCpu && !keepsHead }
  }

  /** m / ‖W + B·A‖ of each row: constant while the adapter stays, so it is computed once and not with every token. */
  async #measureStretches(): Promise<ReadonlyMap<string, Float32Array>> {
    const stretched = [...this.#adapter].flatMap(([module, { magnitude, a, b }]) => (magnitude === undefined ? [] : [{ module, magnitude, a, b }]))
    if (stretched.length === 0) return new Map()
    const session = await compile(stretchGraph({ weights: this.#weights, adapter: this.#adapter }), { ...this.#options, prepack: false, keepsMemory: false })
    const feeds = new Map<string, Data>(this.#options.liveWeights)
    for (const { module, a, b, magnitude } of stretched) feeds.set(`${module}.lora_A`, a).set(`${module}.lora_B`, b).set(stretchName(module), magnitude)
    const outputs = await session.run(feeds)
    await session.dispose()
    return new Map(stretched.map(({ module }) => [module, floats(outputs, module)]))
  }
}

/** Live weights are fed; the others are mapped from the folder's files. */
function splitWeights({ folder, config, base, liveWeights = new Map() }: LlamaRunnerOptions): Pick<Parameters, 'trainable' | 'frozen'> {
  const shapes = llamaWeightShapes(config)
  const trainable: Parameters['trainable'] = new Map()
  for (const [name, data] of liveWeights) {
    const shape = shapes.get(name)
    if (shape === undefined || data.length !== sizeOf(shape)) {
      throw new EngineError('weights_invalid', `the live weight "${name}" has ${data.length} values; config.json implies ${shape === undefined ? 'no such weight' : `[${shape.join(', ')}]`}`, { name })
    }
    trainable.set(name, { shape, decays: false, rateFactor: 1, initial: data })
    shapes.delete(name)
  }
  const stored = shapes.size === 0 ? [] : openFrozenWeights(folder, config, base)
  return { trainable, frozen: new Map([...stored].filter(([name]) => shapes.has(name))) }
}
