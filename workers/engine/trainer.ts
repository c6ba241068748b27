/**
 * Trains a model of the Llama family, all of it or a LoRA adapter, one compiled step per batch shape.
 * Where a run stands is given by its step number alone (order, dropout, schedule and bias corrections are functions
 * of seed and step), so weights, moments and that number are all a checkpoint needs.
 */
import { createHash } from 'node:crypto'
import { EngineError } from './engine-error.js'
import { checkExamples, epochOrder, makeBatch, packRows, paddedLength, singleRows, supervisedTokens, type Batch, type Row } from './batches.js'
import type { Evaluation, ExampleLoss, LlamaConfig, StepReport, Trainer, TrainerOptions, TrainingCourse, TrainingExample } from './engine.js'
import { compile, floats, type Data, type Session } from './executors/executor.js'
import { namedEntries, plainBytes, storedBytes } from './frozen-weights.js'
import { keepMask, type LoraLayers } from './lora.js'
import { headScores } from './models/head-blocks.js'
import { readLlamaConfig } from './models/llama-config.js'
import { refuseNonFinite } from './models/llama-weights.js'
import { heldBytes } from './memory.js'
import { adamW, clipFactor, globalNorm, learningRateAt } from './optim.js'
import { openParameters, type Parameters } from './parameters.js'
import { SessionCache } from './session-cache.js'
import { evaluateGraph, gradientName, trainGraph } from './step-graph.js'
import { readCheckpoint, writeCheckpoint, type CheckpointContext, type CheckpointState } from './checkpoint.js'
import { checkTrainerOptions } from './trainer-options.js'

interface Compiled {
  session: Session
  keepMasks: LoraLayers['keepMasks']
}

/** Frozen weights up to this size are repacked for speed; above it memory matters more. Fixed by the model, since it changes bits. */
const PREPACK_LIMIT_BYTES = 256 * 1024 * 1024
/** Sessions of several batch shapes are kept for their return as long as they hold no more than this together; a larger one is kept alone. */
const KEPT_SESSION_BYTES = 1024 * 1024 * 1024
/** Sessions that hold no more than this are not worth compiling again. */
const LITTLE_BYTES = 64 * 1024 * 1024

/** The label's logit and the largest are summed in different orders; labels closer to it than this count as first choice. */
const FIRST_CHOICE_WITHIN = 1e-4

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
  readonly #rowsPerStep: number
  /** Else each of several sessions would hold on to the memory of its activations. */
  readonly #hasOneLength: boolean
  readonly #state: CheckpointState
  readonly #sessions = new SessionCache<Compiled>(KEPT_SESSION_BYTES, ({ session }) => session.dispose())
  #peakBytes = 0
  #order: { epoch: number; rows: Int32Array } | null = null

  constructor(parts: TrainerParts) {
    const { config, options, rows, parameters } = parts
    this.#parts = parts
    this.config = config
    this.#rowsPerStep = options.batchSize * (options.accumulationSteps ?? 1)
    this.#hasOneLength = options.packing || new Set(rows.map(({ length }) => paddedLength(length))).size === 1
    this.stepsPerEpoch = Math.ceil(rows.length / this.#rowsPerStep)
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

  get peakActivationBytes(): number {
    return this.#peakBytes
  }

  get epoch(): number {
    return this.#state.step / this.stepsPerEpoch
  }

  async step(): Promise<StepReport> {
    const { options } = this.#parts
    const startedMs = performance.now()
    const step = this.#state.step + 1
    const batches = this.#batchesOf(step)
    const count = (pick: (batch: Batch) => number): number => batches.reduce((sum, batch) => sum + pick(batch), 0)
    const supervisedTokens = count((batch) => batch.supervisedCount)
    const { loss, correctTokens, gradients } = await this.#gradients(batches, { step, supervisedTokens })
    const gradNorm = globalNorm(gradients.values())
    const learningRate = learningRateAt(options, step)
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      refuseNonFinite(namedEntries(this.#parts.parameters.frozen))
      throw new EngineError('loss_not_finite', `step ${step}: loss is ${loss} and gradient norm ${gradNorm} at learning rate ${learningRate}; the weights of step ${step - 1} are kept. Lower the learning rate or set maxGradNorm.`, { step, loss, gradNorm, learningRate })
    }
    this.#update(gradients, { step, learningRate, clip: clipFactor(gradNorm, options.maxGradNorm) })
    this.#state.step = step
    return { step, loss, learningRate, gradNorm, tokens: count((batch) => batch.tokenCount), supervisedTokens, tokenAccuracy: correctTokens / supervisedTokens, durationMs: performance.now() - startedMs }
  }

  async evaluate(examples: TrainingExample[]): Promise<Evaluation> {
    const { options } = this.#parts
    const checked = checkExamples(examples, { vocabSize: this.config.vocabSize, maxLength: options.maxLength })
    const results = new Map<TrainingExample, ExampleLoss>(checked.map((example) => [example, { id: example.id, loss: NaN, tokens: 0, correctTokens: 0, tokenLosses: new Float32Array() }]))
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

  async save(folder: string, course?: TrainingCourse): Promise<void> {
    writeCheckpoint(folder, this.#state, { ...this.#checkpointContext(), course })
  }

  async restore(folder: string): Promise<void> {
    const { step, tensors } = readCheckpoint(folder, this.#checkpointContext())
    this.#state.step = step
    for (const [name, tensor] of tensors) this.#state.tensors.set(name, tensor)
  }

  async release(): Promise<void> {
    await this.#sessions.release(LITTLE_BYTES)
  }

  async dispose(): Promise<void> {
    await this.#sessions.clear()
  }

  #checkpointContext(): CheckpointContext {
    const { options, config, parameters, dataHash } = this.#parts
    return { options, config, parameters, dataHash, stepsPerEpoch: this.stepsPerEpoch }
  }

  #batchesOf(step: number): Batch[] {
    const { options, rows } = this.#parts
    const epoch = Math.floor((step - 1) / this.stepsPerEpoch)
    if (this.#order?.epoch !== epoch) this.#order = { epoch, rows: epochOrder(rows.length, { seed: options.seed, epoch }) }
    const start = ((step - 1) % this.stepsPerEpoch) * this.#rowsPerStep
    const chosen = [...this.#order.rows.subarray(start, start + this.#rowsPerStep)].flatMap((index) => rows[index] ?? [])
    const batches: Batch[] = []
    for (let first = 0; first < chosen.length; first += options.batchSize) {
      batches.push(makeBatch(chosen.slice(first, first + options.batchSize), options.packing ? paddedLength(options.maxLength) : undefined))
    }
    return batches
  }

  /** Mean loss over the supervised tokens of all batches together, and its gradient. */
  async #gradients(batches: readonly Batch[], { step, supervisedTokens }: { step: number; supervisedTokens: number }): Promise<{ loss: number; correctTokens: number; gradients: Map<string, Float32Array> }> {
    const gradients = new Map<string, Float32Array>()
    let [loss, correctTokens] = [0, 0]
    for (const [part, batch] of batches.entries()) {
      const compiled = await this.#compiled('train', batch)
      const feeds = this.#trainFeeds(batch, compiled, { step, part })
      const outputs = await compiled.session.run(feeds.set('share', batch.counted.map((counted) => counted / supervisedTokens)))
      loss += floats(outputs, 'loss')[0] ?? NaN
      for (const [index, shortfall] of floats(outputs, 'shortfall').entries()) if (batch.counted[index] === 1 && shortfall < FIRST_CHOICE_WITHIN) correctTokens++
      for (const name of this.#state.tensors.keys()) {
        const fresh = floats(outputs, gradientName(name))
        const sum = gradients.get(name)
        if (sum === undefined) gradients.set(name, fresh)
        else for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] ?? 0) + (fresh[index] ?? 0)
      }
    }
    return { loss, correctTokens, gradients }
  }

  #update(gradients: ReadonlyMap<string, Float32Array>, { step, learningRate, clip }: { step: number; learningRate: number; clip: number }): void {
    const { options: { betas, eps, weightDecay }, parameters } = this.#parts
    for (const [name, tensor] of this.#state.tensors) {
      const gradient = gradients.get(name)
      const { decays = false, rateFactor = 1 } = parameters.trainable.get(name) ?? {}
      if (gradient) adamW(tensor, gradient, { learningRate: learningRate * rateFactor, weightDecay: decays ? weightDecay : 0, betas, eps, step, clip })
    }
  }

  async #compiled(kind: 'train' | 'evaluate', { B, T, R }: Batch): Promise<Compiled> {
    const { options, config, parameters } = this.#parts
    return this.#sessions.get(`${kind} ${B}×${T}, ${R} head rows`, () => {
      const spec = { config, options, parameters, shape: { B, T, R } }
      const isTraining = kind === 'train'
      const { graph, keepMasks } = isTraining ? trainGraph(spec) : { graph: evaluateGraph(spec), keepMasks: [] }
      const activationBytes = heldBytes(graph)
      this.#peakBytes = Math.max(this.#peakBytes, activationBytes)
      const prepack = storedBytes(parameters.frozen) <= PREPACK_LIMIT_BYTES
      const keepsMemory = isTraining && this.#hasOneLength
      const executorOptions = { device: options.device, threads: options.threads, prepack, fuses: false, keepsMemory }
      const size = (keepsMemory ? activationBytes : 0) + (prepack ? plainBytes(parameters.frozen) * (isTraining ? 2 : 1) : 0)
      return { size, compile: async () => ({ session: await compile(graph, executorOptions), keepMasks }) }
    })
  }

  #trainFeeds(batch: Batch, { keepMasks }: Compiled, { step, part }: { step: number; part: number }): Map<string, Data> {
    const { seed, lora } = this.#parts.options
    const feeds = batchFeeds(batch)
    feeds.set('segments', batch.segments)
    for (const [name, { value }] of this.#state.tensors) feeds.set(name, value)
    for (const { name, index, size } of keepMasks) feeds.set(name, keepMask(size, { dropout: lora?.dropout ?? 0, seed, step, part, index }))
    return feeds
  }

  async #evaluateBatch(batch: Batch): Promise<{ example: TrainingExample; result: ExampleLoss }[]> {
    const { session } = await this.#compiled('evaluate', batch)
    const feeds = batchFeeds(batch)
    for (const [name, { value }] of this.#state.tensors) feeds.set(name, value)
    const { nll, choice } = headScores(await session.run(feeds))
    const sums = batch.rows.map(() => ({ losses: [] as number[], correctTokens: 0 }))
    for (const [index, counted] of batch.counted.entries()) {
      const sum = sums[Math.floor(Number(batch.headRows[index]) / batch.T)]
      if (counted === 0 || sum === undefined) continue
      sum.losses.push(nll[index] ?? NaN)
      if (choice[index] === batch.labels[index]) sum.correctTokens++
    }
    return batch.rows.flatMap(({ examples }, row) => examples.map((example) => {
      const { losses, correctTokens } = sums[row] ?? { losses: [], correctTokens: 0 }
      const loss = losses.reduce((total, one) => total + one, 0) / losses.length
      return { example, result: { id: example.id, loss, tokens: losses.length, correctTokens, tokenLosses: Float32Array.from(losses) } }
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
