/**
 * Inference graphs of a Llama: T new tokens after P cached positions. Shapes are static, so the runner keeps one
 * session per bucket of T and P; padding sits behind the real tokens and is masked, which changes nothing they see.
 * Adapters and live weights are fed, not compiled in: switching one costs no new session where shapes agree.
 */
import { adaptedWeight, rowNorms } from '../dora.js'
import { EngineError } from '../engine-error.js'
import type { Device, LlamaConfig } from '../engine.js'
import { compile, floats, integers, type Data, type Session } from '../executors/executor.js'
import { Graph } from '../graph.js'
import { binary } from '../ops/elementwise.js'
import { gather } from '../ops/indexing.js'
import { gemm } from '../ops/products.js'
import { codedProduct, isQuantized, namedEntries, openFrozenWeights } from '../frozen-weights.js'
import { weightSource, type Parameters } from '../parameters.js'
import { SessionCache } from '../session-cache.js'
import type { BaseWeights } from '../weight-cache.js'
import { sizeOf, type Value } from '../tensor.js'
import { DecodeBatch, type BatchedSequence } from './decode-batch.js'
import { decodeStep } from './decode-graph.js'
import { KeyValueCache } from './kv-cache.js'
import { refuseNonFinite } from './llama-weights.js'
import { anglesAt } from './rope.js'
import { headWeightName, llamaForward, llamaWeightShapes, tokenLoss, type KeysAndValues, type LlamaOutputs } from './llama.js'

const BLOCKED = -1e9
/** Longer inputs go through in pieces of at most this many tokens, which bounds the attention matrix. */
const LONGEST_CHUNK = 512
const MAX_SESSIONS = 16
/** A session with weights of its own counts for as many others: no more than two are kept. */
const REPACKED_SIZE = MAX_SESSIONS / 2
/**
 * Weights that take no more than this in f32 are held once more for decoding, in the layout that kernels read half as
 * fast again: those of 16 bits too. Of quantised ones, int4 is computed on as it is, and no other is held once more,
 * since whoever quantises wants their memory.
 */
const REPACK_LIMIT_BYTES = 2 ** 30

export interface LoraFactors {
  rank: number
  /** [rank, in] */
  a: Float32Array
  /** [out, rank], already times the adapter's scaling. */
  b: Float32Array
  /** [out]: lengths to which DoRA brings the rows of W + B·A. */
  magnitude?: Float32Array
}

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

interface StepShape {
  /** Tokens of one sequence, labels to score behind it, or the next token of each of several. */
  kind: 'extend' | 'score' | 'next'
  /** Sequences side by side; more than 1 only for 'next'. */
  B: number
  /** New tokens, padding included. */
  T: number
  /** Cache slots, 0 for none. */
  P: number
  /** Rows whose logits come back ('extend' only). */
  R: number
}

export class LlamaRunner {
  readonly config: LlamaConfig
  readonly #options: LlamaRunnerOptions
  readonly #weights: Pick<Parameters, 'trainable' | 'frozen'>
  /** The session that decodes holds weights of its own. */
  readonly #repacks: boolean
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
    const feeds = this.#feeds({ tokens, T, P, positionOf: (index) => cache.length + index })
    feeds.set('mask', attentionMask({ T, P, cached: cache.length, segments: tokens.map(() => 0) }))
    feeds.set('rows', padded(rows, R))
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
    for (const batch of packSequences(sequences)) results.push(...(await this.#scoreBatch(cache, batch)))
    return results
  }

  async #scoreBatch(cache: KeyValueCache, batch: readonly { inputs: readonly number[]; labels: readonly number[] }[]): Promise<ScoredTokens[]> {
    const tokens = batch.flatMap(({ inputs }) => inputs)
    checkTokens(tokens, this.config)
    const offsets = batch.flatMap(({ inputs }) => inputs.map((_, index) => index))
    const [T, P] = [chunkBucket(tokens.length), cache.length === 0 ? 0 : cache.capacity]
    const feeds = this.#feeds({ tokens, T, P, positionOf: (index) => cache.length + (offsets[index] ?? 0) })
    feeds.set('mask', attentionMask({ T, P, cached: cache.length, segments: batch.flatMap(({ inputs }, segment) => inputs.map(() => segment)) }))
    feeds.set('labels', padded(batch.flatMap(({ labels }) => labels), T))
    if (P > 0) cache.addFeeds(feeds)
    const outputs = await this.#run({ kind: 'score', B: 1, T, P, R: 0 }, feeds)
    const [nll, best] = [floats(outputs, 'nll'), integers(outputs, 'best')]
    this.#refuseNonFinite(nll)
    let start = 0
    return batch.map(({ inputs }) => {
      const end = start + inputs.length
      const scored = { nll: nll.slice(start, end), best: Array.from(best.subarray(start, end), Number) }
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

  async close(): Promise<void> {
    await this.#lastRun
    this.#isClosed = true
    await this.#sessions.clear()
  }

  #feeds({ tokens, T, P, positionOf }: { tokens: readonly number[]; T: number; P: number; positionOf: (index: number) => number }): Map<string, Data> {
    const feeds = this.#sharedFeeds().set('tokens', padded(tokens, T))
    // Padding may stand at any place below P + T, since nothing looks at it.
    feeds.set('positions', BigInt64Array.from({ length: T }, (_, index) => BigInt(index < tokens.length ? positionOf(index) : P)))
    return feeds
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
    const session = await this.#sessions.get(`${key} ${ranks}`, () => ({ size: prepack ? REPACKED_SIZE : 1, compile: () => compile(this.#graph(shape), { ...this.#options, prepack, widenOnce: prepack && !this.#isQuantized }) }))
    this.#stretches ??= await this.#measureStretches()
    return session.run(new Map([...feeds, ...[...this.#stretches].map(([module, data]): [string, Data] => [stretchName(module), data])]), isNext ? { rows: B, capacity: P } : {})
  }

  /** m / ‖W + B·A‖ of each row: constant while the adapter stays, so it is computed once and not with every token. */
  async #measureStretches(): Promise<ReadonlyMap<string, Float32Array>> {
    const stretched = [...this.#adapter].flatMap(([module, { magnitude, ...factors }]) => (magnitude === undefined ? [] : [{ module, magnitude, ...factors }]))
    if (stretched.length === 0) return new Map()
    const graph = new Graph()
    const weight = weightSource(graph, this.#weights)
    for (const { module, rank, a, b, magnitude } of stretched) {
      const factors = { weight: weight(`${module}.weight`), a: graph.input(`${module}.lora_A`, [rank, a.length / rank]), b: graph.input(`${module}.lora_B`, [b.length / rank, rank]), scaling: 1 }
      graph.output(module, binary(graph, 'Div', graph.input(stretchName(module), [magnitude.length]), rowNorms(graph, adaptedWeight(graph, factors))))
    }
    const session = await compile(graph, { ...this.#options, prepack: false })
    const feeds = new Map<string, Data>(this.#options.liveWeights)
    for (const { module, a, b, magnitude } of stretched) feeds.set(`${module}.lora_A`, a).set(`${module}.lora_B`, b).set(stretchName(module), magnitude)
    const outputs = await session.run(feeds)
    await session.dispose()
    return new Map(stretched.map(({ module }) => [module, floats(outputs, module)]))
  }

  #graph(shape: StepShape): Graph {
    const graph = new Graph()
    const { kind, T, R } = shape
    if (kind === 'next') return this.#nextGraph(graph, shape)
    const forward = this.#forward(graph, shape)
    const head = forward.weight(headWeightName(this.config))
    if (kind === 'score') {
      const { nll, logits } = tokenLoss(graph, { hidden: forward.hidden, head, labels: graph.input('labels', [T], 'i64') })
      graph.output('nll', nll)
      graph.output('best', graph.apply('ArgMax', [logits], {}))
      return graph
    }
    const hidden = gather(graph, forward.hidden, graph.input('rows', [R], 'i64'))
    graph.output('logits', gemm(graph, hidden, head, { transB: true }))
    addPresent(graph, forward.present)
    return graph
  }

  #nextGraph(graph: Graph, { B, P }: StepShape): Graph {
    const { kvHeads, headDim, layers } = this.config
    const weight = weightSource(graph, this.#weights)
    const angles = (name: string): Value => graph.freeInput(name, [B, headDim / 2], { axes: ['rows', null] })
    const cached = (name: string): Value => graph.freeInput(name, [B, kvHeads, P, headDim], { axes: ['rows', null, 'capacity', null] })
    const { hidden, present } = decodeStep(graph, {
      config: this.config,
      weight,
      tokens: graph.freeInput('tokens', [B], { dtype: 'i64', axes: ['rows'] }),
      mask: graph.freeInput('mask', [B, 1, 1, P], { axes: ['rows', null, null, 'capacity'] }),
      angles: { cos: angles('cos'), sin: angles('sin') },
      past: cachedLayers(layers, cached),
      linear: (x, module) => this.#linear(graph, x, { module, weight, isNext: true }),
    })
    graph.output('logits', gemm(graph, hidden, weight(headWeightName(this.config)), { transB: true }))
    addPresent(graph, present)
    return graph
  }

  #forward(graph: Graph, { B, T, P }: StepShape): LlamaOutputs & { weight: (name: string) => Value } {
    const { kvHeads, headDim, layers } = this.config
    const weight = weightSource(graph, this.#weights)
    const outputs = llamaForward(graph, {
      config: this.config,
      weight,
      tokens: graph.input('tokens', [B, T], 'i64'),
      positions: graph.input('positions', [B, T], 'i64'),
      positionLimit: P + T,
      mask: graph.input('mask', [B, 1, 1, T, P + T]),
      past: P > 0 ? cachedLayers(layers, (name) => graph.input(name, [B, kvHeads, P, headDim])) : undefined,
      linear: (x, module) => this.#linear(graph, x, { module, weight }),
    })
    return { ...outputs, weight }
  }

  #linear(graph: Graph, x: Value, { module, weight, isNext = false }: { module: string; weight: (name: string) => Value; isNext?: boolean }): Value {
    const name = `${module}.weight`
    const coded = isNext && this.#repacks ? codedProduct(graph, x, { name, weight: this.#weights.frozen.get(name) }) : null
    const base = coded ?? gemm(graph, x, weight(name), { transB: true })
    const factors = this.#adapter.get(module)
    if (factors === undefined) return base
    const { rank, a, b, magnitude } = factors
    const down = gemm(graph, x, graph.input(`${module}.lora_A`, [rank, a.length / rank]), { transB: true })
    const up = gemm(graph, down, graph.input(`${module}.lora_B`, [b.length / rank, rank]), { transB: true })
    const adapted = binary(graph, 'Add', base, up)
    return magnitude === undefined ? adapted : binary(graph, 'Mul', adapted, graph.input(stretchName(module), [magnitude.length]))
  }
}

function cachedLayers(layers: number, cached: (name: string) => Value): KeysAndValues[] {
  return Array.from({ length: layers }, (_, layer) => ({ keys: cached(`pastKeys.${layer}`), values: cached(`pastValues.${layer}`) }))
}

function addPresent(graph: Graph, present: readonly KeysAndValues[]): void {
  for (const [layer, { keys, values }] of present.entries()) {
    graph.output(`keys.${layer}`, keys)
    graph.output(`values.${layer}`, values)
  }
}

const stretchName = (module: string): string => `${module}.stretch`

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

/** 0 where row t sees column s, very negative elsewhere: [T, P + T]. Rows see the cache and their own segment up to themselves. */
function attentionMask({ T, P, cached, segments }: { T: number; P: number; cached: number; segments: readonly number[] }): Float32Array {
  const width = P + T
  const mask = new Float32Array(T * width).fill(BLOCKED)
  for (let row = 0; row < T; row++) {
    mask.fill(0, row * width, row * width + cached)
    for (let other = row; other >= 0 && segments[other] === segments[row]; other--) mask[row * width + P + other] = 0
  }
  return mask
}

/** Batches whose inputs together fit one chunk; a longer sequence stands alone. */
function packSequences<S extends { inputs: readonly number[] }>(sequences: readonly S[]): S[][] {
  const batches: S[][] = []
  let room = 0
  for (const sequence of sequences) {
    const batch = batches.at(-1)
    if (batch === undefined || sequence.inputs.length > room) {
      batches.push([sequence])
      room = LONGEST_CHUNK - sequence.inputs.length
    } else {
      batch.push(sequence)
      room -= sequence.inputs.length
    }
  }
  return batches
}

function checkTokens(tokens: readonly number[], { vocabSize }: LlamaConfig): void {
  if (tokens.length === 0) throw new EngineError('input_invalid', 'there are no tokens to run')
  const wrong = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= vocabSize)
  if (wrong !== undefined) throw new EngineError('input_invalid', `token ${wrong} is not in the model's vocabulary of ${vocabSize}`, { token: wrong, vocabSize })
}

/** 1, 8, 16, 32, then 48, 64, 96, 128, …: at most a third of a chunk is padding from 32 tokens on. */
function chunkBucket(count: number): number {
  if (count === 1) return 1
  const power = Math.max(8, 2 ** Math.ceil(Math.log2(count)))
  return power > 32 && count <= 0.75 * power ? 0.75 * power : power
}

function padded(values: readonly number[], length: number): BigInt64Array {
  return BigInt64Array.from({ length }, (_, index) => BigInt(values[index] ?? 0))
}
