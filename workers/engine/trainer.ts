/**
 * Trains a model of the Llama family, all of it or a LoRA adapter, one compiled step per batch shape.
 * Where a run stands is given by its step number alone (order, dropout, schedule and bias corrections are functions
 * of seed and step), so weights, moments and that number are all a checkpoint needs.
 */
import { createHash } from 'node:crypto'
import { EngineError } from './engine-error.js'
import { checkExamples, epochOrder, makeBatch, packRows, paddedLength, singleRows, supervisedTokens, type Batch, type Row } from './batches.js'
import type { Evaluation, ExampleLoss, LlamaConfig, StepReport, Trainer, TrainerOptions, TrainingExample } from './engine.js'
import { floats, integers, OrtSession, type Data } from './executors/ort.js'
import { keepMask, type LoraLayers } from './lora.js'
import { readLlamaConfig } from './models/llama-config.js'
import { learningRateAt, scalarFeeds } from './optim.js'
import { openParameters, type Parameters } from './parameters.js'
import { SessionCache } from './session-cache.js'
import { evaluateGraph, meanName, nextName, trainGraph, varianceName } from './step-graph.js'
import { readCheckpoint, writeCheckpoint, type CheckpointContext, type CheckpointState } from './checkpoint.js'
import { checkTrainerOptions } from './trainer-options.js'

interface Compiled {
  session: OrtSession
  keepMasks: LoraLayers['keepMasks']
}

/** Frozen weights up to this size are repacked for speed; above it memory matters more. Fixed by the model, since it changes bits. */
const PREPACK_LIMIT_BYTES = 256 * 1024 * 1024

export async function createTrainer(options: TrainerOptions, train: TrainingExample[]): Promise<Trainer> {
  const config = options.config ?? readLlamaConfig(options.modelFolder)
  checkTrainerOptions(options, config)
  const checked = checkExamples(train, { vocabSize: config.vocabSize, maxLength: options.maxLength })
  const taught = checked.filter((example) => supervisedTokens(example) > 0)
  if (taught.length === 0) throw new EngineError('input_invalid', `none of the ${train.length} training examples has a supervised token within ${options.maxLength} tokens; check the labels and maxLength`)
  const rows = options.packing ? packRows(taught, options.maxLength) : singleRows(taught)
  return new CompiledTrainer({ options, config, rows, parameters: openParameters(options, config, options.config !== undefined), dataHash: hashExamples(taught) })
}

interface TrainerParts {
  options: TrainerOptions
  config: LlamaConfig
  rows: Row[]
  parameters: Parameters
  dataHash: string
}

class CompiledTrainer implements Trainer {
  readonly config: LlamaConfig
  readonly trainableParameters: number
  readonly stepsPerEpoch: number
  readonly #parts: TrainerParts
  readonly #state: CheckpointState
  readonly #sessions = new SessionCache<Compiled>(8, ({ session }) => session.dispose())
  #order: { epoch: number; rows: Int32Array } | null = null

  constructor(parts: TrainerParts) {
    const { config, options, rows, parameters } = parts
    this.#parts = parts
    this.config = config
    this.stepsPerEpoch = Math.ceil(rows.length / options.batchSize)
    this.#state = { step: 0, tensors: new Map() }
    let count = 0
    for (const [name, { initial }] of parameters.trainable) {
      this.#state.tensors.set(name, { value: initial, mean: new Float32Array(initial.length), variance: new Float32Array(initial.length) })
      count += initial.length
    }
    this.trainableParameters = count
  }

  get globalStep(): number {
    return this.#state.step
  }

  get epoch(): number {
    return this.#state.step / this.stepsPerEpoch
  }

  async step(): Promise<StepReport> {
    const { options } = this.#parts
    const startedMs = performance.now()
    const step = this.#state.step + 1
    const batch = this.#batchOf(step)
    const compiled = await this.#compiled('train', batch)
    const outputs = await compiled.session.run(this.#trainFeeds(step, batch, compiled))
    const loss = floats(outputs, 'loss')[0] ?? NaN
    const gradNorm = floats(outputs, 'grad-norm')[0] ?? NaN
    const learningRate = learningRateAt(options, step)
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      throw new EngineError('loss_not_finite', `step ${step}: loss is ${loss} and gradient norm ${gradNorm} at learning rate ${learningRate}; the weights of step ${step - 1} are kept. Lower the learning rate or set maxGradNorm.`, { step, loss, gradNorm, learningRate })
    }
    for (const [name, tensor] of this.#state.tensors) {
      tensor.value = floats(outputs, nextName(name))
      tensor.mean = floats(outputs, nextName(meanName(name)))
      tensor.variance = floats(outputs, nextName(varianceName(name)))
    }
    this.#state.step = step
    return { step, loss, learningRate, gradNorm, tokens: batch.tokenCount, supervisedTokens: batch.supervisedCount, durationMs: performance.now() - startedMs }
  }

  async evaluate(examples: TrainingExample[]): Promise<Evaluation> {
    const { options } = this.#parts
    const checked = checkExamples(examples, { vocabSize: this.config.vocabSize, maxLength: options.maxLength })
    const results = new Map<TrainingExample, ExampleLoss>(checked.map((example) => [example, { id: example.id, loss: NaN, tokens: 0, correctTokens: 0 }]))
    // Neighbours in length share a batch, so little padding is computed.
    const ordered = singleRows(checked.filter((example) => supervisedTokens(example) > 0).toSorted((a, b) => a.tokens.length - b.tokens.length))
    for (let start = 0; start < ordered.length; start += options.batchSize) {
      const batch = makeBatch(ordered.slice(start, start + options.batchSize))
      for (const scored of await this.#evaluateBatch(batch)) results.set(scored.example, scored.result)
    }
    const perExample = checked.flatMap((example) => results.get(example) ?? [])
    const scored = perExample.filter(({ tokens }) => tokens > 0)
    const sum = (pick: (result: ExampleLoss) => number): number => scored.reduce((total, result) => total + pick(result), 0)
    const tokens = sum((result) => result.tokens)
    const loss = sum((result) => result.loss * result.tokens) / tokens
    return { loss, perplexity: Math.exp(loss), tokenAccuracy: sum((result) => result.correctTokens) / tokens, tokens, perExample }
  }

  weights(): Map<string, Float32Array> {
    return new Map([...this.#state.tensors].map(([name, { value }]) => [name, value]))
  }

  async save(folder: string): Promise<void> {
    writeCheckpoint(folder, this.#state, this.#checkpointContext())
  }

  async restore(folder: string): Promise<void> {
    const { step, tensors } = readCheckpoint(folder, this.#checkpointContext())
    this.#state.step = step
    for (const [name, tensor] of tensors) this.#state.tensors.set(name, tensor)
  }

  async dispose(): Promise<void> {
    await this.#sessions.clear()
  }

  #checkpointContext(): CheckpointContext {
    const { options, config, parameters, dataHash } = this.#parts
    return { options, config, parameters, dataHash, stepsPerEpoch: this.stepsPerEpoch }
  }

  #batchOf(step: number): Batch {
    const { options, rows } = this.#parts
    const epoch = Math.floor((step - 1) / this.stepsPerEpoch)
    if (this.#order?.epoch !== epoch) this.#order = { epoch, rows: epochOrder(rows.length, { seed: options.seed, epoch }) }
    const start = ((step - 1) % this.stepsPerEpoch) * options.batchSize
    const chosen = [...this.#order.rows.subarray(start, start + options.batchSize)].flatMap((index) => rows[index] ?? [])
    return makeBatch(chosen, options.packing ? paddedLength(options.maxLength) : undefined)
  }

  async #compiled(kind: 'train' | 'evaluate', { B, T, R }: Batch): Promise<Compiled> {
    const { options, config, parameters } = this.#parts
    return this.#sessions.get(`${kind} ${B}×${T}, ${R} head rows`, async () => {
      const spec = { config, options, parameters, shape: { B, T, R } }
      const { graph, keepMasks } = kind === 'train' ? trainGraph(spec) : { graph: evaluateGraph(spec), keepMasks: [] }
      const frozenBytes = [...parameters.frozen.values()].reduce((sum, { begin, end }) => sum + end - begin, 0)
      const session = await OrtSession.create(graph, { device: options.device, threads: options.threads, prepack: frozenBytes <= PREPACK_LIMIT_BYTES })
      return { session, keepMasks }
    })
  }

  #trainFeeds(step: number, batch: Batch, { keepMasks }: Compiled): Map<string, Data> {
    const { options } = this.#parts
    const feeds = batchFeeds(batch)
    feeds.set('segments', batch.segments)
    feeds.set('share', batch.counted.map((counted) => counted / batch.supervisedCount))
    for (const [name, value] of scalarFeeds(options, step)) feeds.set(name, value)
    for (const [name, { value, mean, variance }] of this.#state.tensors) feeds.set(name, value).set(meanName(name), mean).set(varianceName(name), variance)
    for (const { name, index, size } of keepMasks) feeds.set(name, keepMask(size, { dropout: options.lora?.dropout ?? 0, seed: options.seed, step, index }))
    return feeds
  }

  async #evaluateBatch(batch: Batch): Promise<{ example: TrainingExample; result: ExampleLoss }[]> {
    const { session } = await this.#compiled('evaluate', batch)
    const feeds = batchFeeds(batch)
    for (const [name, { value }] of this.#state.tensors) feeds.set(name, value)
    const outputs = await session.run(feeds)
    const [nll, choice] = [floats(outputs, 'nll'), integers(outputs, 'choice')]
    const sums = batch.rows.map(() => ({ loss: 0, tokens: 0, correctTokens: 0 }))
    for (const [index, counted] of batch.counted.entries()) {
      const sum = sums[Math.floor(Number(batch.headRows[index]) / batch.T)]
      if (counted === 0 || sum === undefined) continue
      sum.loss += nll[index] ?? NaN
      sum.tokens++
      if (choice[index] === batch.labels[index]) sum.correctTokens++
    }
    return batch.rows.flatMap(({ examples }, row) => examples.map((example) => {
      const { loss, tokens, correctTokens } = sums[row] ?? { loss: NaN, tokens: 0, correctTokens: 0 }
      return { example, result: { id: example.id, loss: loss / tokens, tokens, correctTokens } }
    }))
  }
}

function batchFeeds({ tokens, positions, headRows, labels }: Batch): Map<string, Data> {
  return new Map<string, Data>([['tokens', tokens], ['positions', positions], ['head-rows', headRows], ['labels', labels]])
}

/** Ties a checkpoint to the data it was trained on: going on with other data would not be the same run. */
function hashExamples(examples: readonly TrainingExample[]): string {
  const hash = createHash('sha256')
  for (const { id, tokens, labels } of examples) {
    hash.update(JSON.stringify([id, tokens.length]))
    hash.update(Int32Array.from(tokens))
    hash.update(Int32Array.from(labels))
  }
  return hash.digest('hex')
}
