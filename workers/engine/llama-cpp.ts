/**
 * GGUF models of any family llama.cpp knows, run by the optional package node-llama-cpp: a second back end beside the
 * engine, with the same door. Texts, stop texts and the splitting of continuations are the engine's own; tokens,
 * logits and sampling are llama.cpp's. Nothing is downloaded or built: the package's prebuilt binary runs, or none.
 */
import { basename } from 'node:path'
import { Answer } from './answer.js'
import { EngineError } from './engine-error.js'
import type { Device } from './engine.js'
import { readGguf } from './formats/gguf.js'
import { openGgufVocabulary, type GgufVocabulary } from './formats/gguf-vocabulary.js'
import { StreamDecoder } from './formats/stream-decoder.js'
import type { Tokenizer } from './formats/tokenizer.js'
import { messageOf } from './message-of.js'
import { installCommand, loadOptionalPackage, type OptionalPackage } from './optional-package.js'
import { PromptTokens } from './prompt-tokens.js'
import { checkGenerateOptions, type ContinuationScore, type GenerateOptions, type Generation, type TextModel } from './text-model.js'

export const LLAMA_CPP_PACKAGE = { name: 'node-llama-cpp', version: '3.22.1' } as const

export interface OpenGgufModelOptions {
  /** A .gguf file; of a split model, the first part. */
  path: string
  /** GGUF file of a LoRA adapter on it. */
  adapterPath?: string
  threads: number
  /** cpu, or cuda where the package has its CUDA binary. */
  device: Device
  /** Number format of cached keys and values: F16 as llama.cpp has it, or F32, which costs memory and moves no logit. Default F16. */
  cache?: 'F16' | 'F32'
}

/** What is used of node-llama-cpp's interface. */
interface LlamaCpp {
  getLlama(options: { build: 'never'; skipDownload: true; progressLogs: false; gpu: false | 'cuda'; maxThreads: number; logLevel: string }): Promise<Llama>
}
interface Llama {
  loadModel(options: { modelPath: string; gpuLayers: number | 'auto' }): Promise<Model>
  dispose(): Promise<void>
}
interface Model {
  readonly trainContextSize: number
  readonly tokens: { readonly shouldPrependBosToken: boolean; readonly bos: number | null }
  tokenize(text: string, specialTokens: boolean): number[]
  isEogToken(token: number): boolean
  createContext(options: { contextSize: number; threads: number; lora?: string; flashAttention?: false; experimentalKvCacheKeyType?: 'F32'; experimentalKvCacheValueType?: 'F32' }): Promise<Context>
}
interface Context {
  readonly contextSize: number
  getSequence(): Sequence
  dispose(): Promise<void>
}
interface Sequence {
  readonly nextTokenIndex: number
  clearHistory(): Promise<void>
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>
  evaluateWithoutGeneratingNewTokens(tokens: readonly number[]): Promise<void>
  evaluate(tokens: readonly number[], options: { temperature: number; topK: number; topP: number; minP: number; seed: number; yieldEogToken: true }): AsyncIterable<number>
  controlledEvaluate(input: readonly [number, { generateNext: LogitsWanted }][]): Promise<(LogitsGiven | undefined)[]>
}
interface LogitsWanted {
  logits: true | { filter: { tokens: readonly number[]; includeTop: number } }
  totalLogitWeight: boolean
}
interface LogitsGiven {
  next: { logits?: ReadonlyMap<number, number>; totalLogitWeight?: number }
}

const SMALLEST_CONTEXT = 512

/** @throws {EngineError} `package_missing`, `weights_invalid`, `device_missing` or `tokenizer_invalid`, saying what to do */
export async function openGgufModel({ path, adapterPath, threads, device, cache = 'F16' }: OpenGgufModelOptions): Promise<GgufModel> {
  if (device !== 'cpu' && device !== 'cuda') throw new EngineError('device_missing', `a GGUF model runs on device "cpu" or "cuda", not "${device}"`, { device })
  // A file that is no GGUF is refused with the reason, not with llama.cpp's.
  const vocabulary = openGgufVocabulary(readGguf(path))
  if (adapterPath !== undefined) readGguf(adapterPath)
  const wanted: OptionalPackage = { ...LLAMA_CPP_PACKAGE, purpose: `the model ${basename(path)}` }
  const library = await loadOptionalPackage<LlamaCpp>(wanted)
  const llama = await startLlama(library, { threads, device, wanted })
  try {
    const model = await llama.loadModel({ modelPath: path, gpuLayers: device === 'cpu' ? 0 : 'auto' })
    return new GgufModel({ llama, model, vocabulary, threads, adapterPath, cache })
  } catch (cause) {
    await llama.dispose()
    throw new EngineError('weights_invalid', `llama.cpp cannot load ${path}: ${messageOf(cause)}`, { path }, cause)
  }
}

async function startLlama(library: LlamaCpp, { threads, device, wanted }: { threads: number; device: 'cpu' | 'cuda'; wanted: OptionalPackage }): Promise<Llama> {
  try {
    return await library.getLlama({ build: 'never', skipDownload: true, progressLogs: false, gpu: device === 'cpu' ? false : 'cuda', maxThreads: threads, logLevel: 'error' })
  } catch (cause) {
    const code = device === 'cpu' ? 'package_missing' : 'device_missing'
    throw new EngineError(code, `${wanted.name} has no binary that runs on device "${device}" of this machine (${process.platform}-${process.arch}): ${messageOf(cause)}. Install it with its binaries: ${installCommand(wanted)}`, { device }, cause)
  }
}

interface Parts {
  llama: Llama
  model: Model
  vocabulary: GgufVocabulary
  threads: number
  adapterPath: string | undefined
  cache: 'F16' | 'F32'
}

export class GgufModel implements TextModel {
  /** One sequence is computed at a time. */
  readonly concurrency = 1
  readonly tokenizer: Pick<Tokenizer, 'encode' | 'decode' | 'applyChatTemplate' | 'hasChatTemplate'>
  readonly #parts: Parts
  readonly #prompts: PromptTokens
  #open: { context: Context; sequence: Sequence } | null = null
  #lastTurn: Promise<unknown> = Promise.resolve()

  constructor(parts: Parts) {
    const { model, vocabulary } = parts
    this.#parts = parts
    const encode = (text: string, { addSpecialTokens = true } = {}): number[] => {
      const { bos, shouldPrependBosToken } = model.tokens
      return [...(addSpecialTokens && shouldPrependBosToken && bos !== null ? [bos] : []), ...model.tokenize(text, true)]
    }
    this.tokenizer = { ...vocabulary, encode }
    this.#prompts = new PromptTokens({ ...vocabulary, encode }, model.trainContextSize)
  }

  generate(prompt: string | readonly number[], options: GenerateOptions): Promise<Generation> {
    checkGenerateOptions(options)
    return this.#inTurn(() => this.#generate(prompt, options))
  }

  async #generate(prompt: string | readonly number[], options: GenerateOptions): Promise<Generation> {
    const startedAt = performance.now()
    const tokens = typeof prompt === 'string' ? this.#prompts.encode(prompt) : prompt
    const limit = Math.min(options.maxTokens, this.#prompts.roomAfter(tokens.length))
    const sequence = await this.#emptySequence(tokens.length + limit)
    const answer = new Answer(new StreamDecoder(this.#parts.vocabulary, tokens), options)
    const { temperature = 0, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1, seed = 0 } = options
    if (repetitionPenalty !== 1) throw new EngineError('input_invalid', `repetitionPenalty is ${repetitionPenalty}; GGUF models are run without one, since llama.cpp counts repetitions otherwise. Leave it out, or name a Hugging Face folder`)
    let [tokensOut, ttftMs] = [0, 0]
    let finishReason: Generation['finishReason'] = 'length'
    for await (const token of sequence.evaluate(tokens, { temperature, topK, topP, minP, seed, yieldEogToken: true })) {
      options.signal?.throwIfAborted()
      tokensOut++
      if (tokensOut === 1) ttftMs = performance.now() - startedAt
      if (this.#parts.model.isEogToken(token) || answer.push(token)) {
        finishReason = 'stop'
        break
      }
      if (tokensOut === limit) break
    }
    if (answer.finish()) finishReason = 'stop'
    return { text: answer.text, tokensIn: tokens.length, tokensOut, ttftMs, totalMs: performance.now() - startedAt, finishReason }
  }

  logLikelihood(prompt: string, continuations: readonly string[]): Promise<ContinuationScore[]> {
    const { context, labels } = this.#prompts.split(prompt, continuations)
    return this.#inTurn(async () => {
      const sequence = await this.#emptySequence(context.length + Math.max(...labels.map(({ length }) => length)))
      if (context.length > 1) await sequence.evaluateWithoutGeneratingNewTokens(context.slice(0, -1))
      // The last token of the prompt runs again before each continuation: it is what predicts the first token.
      const start = context.length - 1
      const scores: ContinuationScore[] = []
      for (const ids of labels) {
        scores.push(await scoreTokens(sequence, [context[start] ?? 0, ...ids.slice(0, -1)], ids))
        await sequence.eraseContextTokenRanges([{ start, end: sequence.nextTokenIndex }])
      }
      return scores
    })
  }

  rollingLogLikelihood(text: string): Promise<ContinuationScore> {
    const windows = this.#prompts.rolling(text)
    return this.#inTurn(async () => {
      const total = { logLikelihood: 0, tokens: 0, isGreedy: true }
      for (const { inputs, labels } of windows) {
        const sequence = await this.#emptySequence(inputs.length)
        const context = inputs.length - labels.length
        if (context > 0) await sequence.evaluateWithoutGeneratingNewTokens(inputs.slice(0, context))
        const { logLikelihood, isGreedy } = await scoreTokens(sequence, inputs.slice(context), labels)
        total.logLikelihood += logLikelihood
        total.tokens += labels.length
        total.isGreedy &&= isGreedy
      }
      return total
    })
  }

  /** Logits of every position, [tokens.length, V] row-major: for parity tests. */
  logits(tokens: readonly number[]): Promise<Float32Array> {
    return this.#inTurn(async () => {
      const sequence = await this.#emptySequence(tokens.length)
      const given = await sequence.controlledEvaluate(tokens.map((token) => [token, { generateNext: { logits: true, totalLogitWeight: false } }]))
      const rows = given.map((row) => [...(row?.next.logits ?? [])].sort(([a], [b]) => a - b).map(([, logit]) => logit))
      return Float32Array.from(rows.flat())
    })
  }

  async close(): Promise<void> {
    await this.#lastTurn
    await this.#parts.llama.dispose()
  }

  /** An empty context with room for so many tokens. It grows by doubling, because one of the model's full length may not fit the machine. */
  async #emptySequence(tokens: number): Promise<Sequence> {
    const { model, threads, adapterPath, cache } = this.#parts
    if (this.#open !== null && this.#open.context.contextSize >= tokens) {
      await this.#open.sequence.clearHistory()
      return this.#open.sequence
    }
    await this.#open?.context.dispose()
    this.#open = null
    const contextSize = Math.min(model.trainContextSize, Math.max(SMALLEST_CONTEXT, 2 ** Math.ceil(Math.log2(tokens))))
    const exact = { flashAttention: false, experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32' } as const
    const context = await model.createContext({ contextSize, threads, ...(adapterPath === undefined ? {} : { lora: adapterPath }), ...(cache === 'F32' ? exact : {}) })
    this.#open = { context, sequence: context.getSequence() }
    return this.#open.sequence
  }

  /** One call after another: they share one sequence. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lastTurn.then(work)
    // The next call goes on whether this one failed or not; its caller hears of the failure through `turn`.
    this.#lastTurn = turn.then(() => undefined, () => undefined)
    return turn
  }
}

/** ln p of labels[i] after inputs[0..i]: its logit less the log of the sum of all exponentials. */
async function scoreTokens(sequence: Sequence, inputs: readonly number[], labels: readonly number[]): Promise<ContinuationScore> {
  const given = await sequence.controlledEvaluate(inputs.map((token, index) => [token, { generateNext: { logits: { filter: { tokens: [labels[index] ?? 0], includeTop: 1 } }, totalLogitWeight: true } }]))
  let [logLikelihood, isGreedy] = [0, true]
  for (const [index, label] of labels.entries()) {
    const { logits, totalLogitWeight = NaN } = given[index]?.next ?? {}
    const [best, largest] = [...(logits ?? [])][0] ?? [-1, NaN]
    logLikelihood += (logits?.get(label) ?? NaN) - largest - Math.log(totalLogitWeight)
    isGreedy &&= best === label
  }
  return { logLikelihood, tokens: labels.length, isGreedy }
}
