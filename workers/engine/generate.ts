/**
 * A language model to talk to: text generation and log-likelihoods over a Hugging Face folder, with an optional LoRA
 * adapter or the live weights of a trainer. Runs block the thread while they compute.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from './engine-error.js'
import type { Device, LlamaConfig } from './engine.js'
import { moduleUpdates, readPeftAdapter } from './formats/peft.js'
import { StreamDecoder } from './formats/stream-decoder.js'
import { loadTokenizer, type Tokenizer } from './formats/tokenizer.js'
import { turnEndToken } from './formats/turn-end.js'
import { readLlamaConfig } from './models/llama-config.js'
import { LlamaRunner, type LoraFactors } from './models/llama-decode.js'
import { createSampler, type SamplingOptions } from './sampling.js'

export interface OpenLanguageModelOptions {
  /** Hugging Face folder: config.json, *.safetensors, tokenizer.json. */
  folder: string
  /** Folder of the tokenizer, where it is not in `folder`. */
  tokenizerFolder?: string
  adapter?: AdapterSource
  /** Whole weights by Hugging Face name, used in place of the folder's (a trainer without LoRA). */
  liveWeights?: ReadonlyMap<string, Float32Array>
  threads: number
  device: Device
}

/** A PEFT folder, or the live tensors of a trainer by PEFT name with their scaling (see loraScaling). */
export type AdapterSource = { folder: string } | LiveAdapter

interface LiveAdapter {
  weights: ReadonlyMap<string, Float32Array>
  rank: number
  scaling: number
}

export interface GenerateOptions extends Partial<SamplingOptions> {
  maxTokens: number
  /** The answer ends before the first of these texts. */
  stop?: readonly string[]
  /** Called with each piece of the answer as soon as it is certain. */
  onToken?: (text: string) => void
  signal?: AbortSignal
}

export interface Generation {
  /** Without the stop text and the end-of-text token. */
  text: string
  tokensIn: number
  /** Tokens the model produced, an end-of-text token included. */
  tokensOut: number
  /** Time to the first token. */
  ttftMs: number
  totalMs: number
  /** "stop": an end token or a stop text; "length": maxTokens or the end of the context. */
  finishReason: 'stop' | 'length'
}

export interface ContinuationScore {
  /** Sum of ln p over the continuation's tokens. Higher is more probable. */
  logLikelihood: number
  tokens: number
  /** Every token is the model's first choice. */
  isGreedy: boolean
}

export interface LanguageModel {
  readonly config: LlamaConfig
  readonly tokenizer: Tokenizer
  /** Throws `context_exceeded` where the prompt leaves no room for a token. A text prompt gets the tokenizer's BOS unless it begins with it. */
  generate(prompt: string | readonly number[], options: GenerateOptions): Promise<Generation>
  /** ln p of each continuation after the prompt; the prompt runs once. Splits text as lm-evaluation-harness does. */
  logLikelihood(prompt: string, continuations: readonly string[]): Promise<ContinuationScore[]>
  /** −ln p of each token after the first, given those before it in its sequence; [length − 1] per sequence, in nats. */
  tokenLosses(sequences: readonly (readonly number[])[]): Promise<Float32Array[]>
  /** Logits of every position, [tokens.length, V] row-major: for parity tests. */
  logits(tokens: readonly number[]): Promise<Float32Array>
  /** Switches to another adapter, or to the base model with null, without loading the base again. */
  useAdapter(adapter: AdapterSource | null): void
  close(): Promise<void>
}

/** Opens a model. Throws an EngineError that names the file and field where the folder is not a model the engine can run. */
export async function openLanguageModel(options: OpenLanguageModelOptions): Promise<LanguageModel> {
  const { folder, tokenizerFolder = folder, adapter, liveWeights, threads, device } = options
  const config = readLlamaConfig(folder)
  const tokenizer = loadTokenizer(tokenizerFolder)
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new EngineError('tokenizer_invalid', `the tokenizer in ${tokenizerFolder} has ids up to ${tokenizer.vocabSize - 1}, the model in ${folder} has vocab_size ${config.vocabSize}; they are of different models`)
  }
  const runner = new LlamaRunner({ folder, config, device, threads, liveWeights })
  const model = new LocalModel(runner, tokenizer, endTokens(folder, tokenizer))
  if (adapter !== undefined) model.useAdapter(adapter)
  return model
}

class LocalModel implements LanguageModel {
  readonly config: LlamaConfig
  readonly tokenizer: Tokenizer
  readonly #runner: LlamaRunner
  readonly #endTokens: ReadonlySet<number>

  constructor(runner: LlamaRunner, tokenizer: Tokenizer, ends: ReadonlySet<number>) {
    this.config = runner.config
    this.tokenizer = tokenizer
    this.#runner = runner
    this.#endTokens = ends
  }

  async generate(prompt: string | readonly number[], options: GenerateOptions): Promise<Generation> {
    const startedAt = performance.now()
    checkGenerateOptions(options)
    const tokens = typeof prompt === 'string' ? this.#encodePrompt(prompt) : prompt
    const room = this.#roomAfter(tokens.length)
    const answer = new Answer(new StreamDecoder(this.tokenizer, tokens), options)
    const sample = createSampler({ temperature: 0, topK: 0, topP: 1, seed: 0, ...options })
    const cache = this.#runner.newCache()
    const limit = Math.min(options.maxTokens, room)
    let logits = await this.#runner.extend(cache, tokens)
    let [tokensOut, ttftMs] = [0, 0]
    let finishReason: Generation['finishReason'] = 'length'
    while (tokensOut < limit) {
      options.signal?.throwIfAborted()
      const token = sample(logits)
      tokensOut++
      if (tokensOut === 1) ttftMs = performance.now() - startedAt
      if (this.#endTokens.has(token) || answer.push(token)) {
        finishReason = 'stop'
        break
      }
      if (tokensOut < limit) logits = await this.#runner.extend(cache, [token])
    }
    // A stop text may still be completed by bytes that were waiting for the rest of a character.
    if (answer.finish()) finishReason = 'stop'
    return { text: answer.text, tokensIn: tokens.length, tokensOut, ttftMs, totalMs: performance.now() - startedAt, finishReason }
  }

  async logLikelihood(prompt: string, continuations: readonly string[]): Promise<ContinuationScore[]> {
    const trimmed = prompt.trimEnd()
    const spaces = prompt.slice(trimmed.length)
    const context = this.#encodePrompt(trimmed)
    const labels = continuations.map((continuation) => this.#encodeContinuation({ trimmed, context, text: spaces + continuation }))
    for (const [index, { length }] of labels.entries()) {
      if (length === 0) throw new EngineError('input_invalid', `continuation ${index + 1} is empty; there is nothing to score`)
      this.#roomAfter(context.length + length - 1)
    }
    const cache = this.#runner.newCache()
    if (context.length > 1) await this.#runner.extend(cache, context.slice(0, -1))
    // The last token of the prompt runs again before each continuation: it is what predicts the first token.
    const last = context.at(-1) ?? 0
    const scored = await this.#runner.score(cache, labels.map((ids) => ({ inputs: [last, ...ids.slice(0, -1)], labels: ids })))
    return scored.map(({ nll, best }, index) => ({
      logLikelihood: -nll.reduce((sum, value) => sum + value, 0),
      tokens: nll.length,
      isGreedy: best.every((token, place) => token === labels[index]?.[place]),
    }))
  }

  async tokenLosses(sequences: readonly (readonly number[])[]): Promise<Float32Array[]> {
    for (const { length } of sequences) {
      if (length < 2) throw new EngineError('input_invalid', `a sequence has ${length} tokens; a loss needs at least 2`)
      this.#roomAfter(length - 2)
    }
    const scored = await this.#runner.score(this.#runner.newCache(), sequences.map((tokens) => ({ inputs: tokens.slice(0, -1), labels: tokens.slice(1) })))
    return scored.map(({ nll }) => nll)
  }

  async logits(tokens: readonly number[]): Promise<Float32Array> {
    this.#roomAfter(tokens.length - 1)
    return this.#runner.extend(this.#runner.newCache(), tokens, tokens.map((_, index) => index))
  }

  useAdapter(adapter: AdapterSource | null): void {
    this.#runner.useAdapter(adapter === null ? new Map() : loraFactors(adapter))
  }

  close(): Promise<void> {
    return this.#runner.close()
  }

  /** The text's tokens with BOS once, even where a chat template already wrote it; never empty. */
  #encodePrompt(text: string): number[] {
    const { bosTokenId, eosTokenId } = this.tokenizer
    const bos = bosTokenId ?? eosTokenId
    const tokens = this.tokenizer.encode(text)
    if (tokens.length >= 2 && tokens[0] === bos && tokens[1] === bos) return tokens.slice(1)
    if (tokens.length > 0) return tokens
    if (bos === undefined) throw new EngineError('input_invalid', 'the prompt is empty and the tokenizer has no beginning-of-text token; give a prompt')
    return [bos]
  }

  /** What the continuation adds to the prompt's tokens; on its own where the two do not tokenize as one after the other. */
  #encodeContinuation({ trimmed, context, text }: { trimmed: string; context: readonly number[]; text: string }): number[] {
    const joined = this.#encodePrompt(trimmed + text)
    const isPrefix = joined.length > context.length && context.every((token, index) => joined[index] === token)
    return isPrefix ? joined.slice(context.length) : this.tokenizer.encode(text, { addSpecialTokens: false })
  }

  #roomAfter(tokens: number): number {
    const { maxPositions } = this.config
    if (tokens < maxPositions) return maxPositions - tokens
    throw new EngineError('context_exceeded', `the input has ${tokens} tokens; the model's context is ${maxPositions}, with at least 1 for the answer. Shorten the prompt by ${tokens - maxPositions + 1} tokens or use a model with a longer context.`, { tokens, contextTokens: maxPositions })
  }
}

/** The growing answer: holds back what might be the start of a stop text, cuts at the first one. */
class Answer {
  text = ''
  readonly #decoder: StreamDecoder
  readonly #stop: readonly string[]
  readonly #onToken: ((text: string) => void) | undefined
  #given = 0
  #isStopped = false

  constructor(decoder: StreamDecoder, { stop = [], onToken }: Pick<GenerateOptions, 'stop' | 'onToken'>) {
    this.#decoder = decoder
    this.#stop = stop
    this.#onToken = onToken
  }

  /** True when the answer has ended. */
  push(token: number): boolean {
    this.#take(this.#decoder.push(token))
    return this.#isStopped
  }

  /** Gives out what was held back; true when a stop text ended the answer. */
  finish(): boolean {
    if (!this.#isStopped) this.#take(this.#decoder.flush())
    this.#give(this.text.length)
    return this.#isStopped
  }

  #take(piece: string): void {
    this.text += piece
    const found = this.#stop.map((stop) => this.text.indexOf(stop)).filter((index) => index >= 0)
    if (found.length > 0) {
      this.#isStopped = true
      this.text = this.text.slice(0, Math.min(...found))
    }
    this.#give(this.#isStopped ? this.text.length : this.text.length - this.#heldBack())
  }

  /** Length of the longest end of the text that begins a stop text. */
  #heldBack(): number {
    let longest = 0
    for (const stop of this.#stop) {
      for (let length = Math.min(stop.length - 1, this.text.length); length > longest; length--) {
        if (this.text.endsWith(stop.slice(0, length))) longest = length
      }
    }
    return longest
  }

  #give(end: number): void {
    if (end <= this.#given) return
    this.#onToken?.(this.text.slice(this.#given, end))
    this.#given = end
  }
}

function loraFactors(source: AdapterSource): Map<string, LoraFactors> {
  if (!('folder' in source)) return liveFactors(source)
  return new Map([...moduleUpdates(readPeftAdapter(source.folder))].map(([module, { rank, scaling, a, b, magnitude }]) => [module, { rank, a, b: b.map((value) => value * scaling), magnitude: magnitude ?? undefined }]))
}

function liveFactors({ weights, rank, scaling }: LiveAdapter): Map<string, LoraFactors> {
  const factors = new Map<string, LoraFactors>()
  for (const [name, a] of weights) {
    const path = /^(.+)\.lora_A\.weight$/.exec(name)?.[1]
    if (path === undefined) continue
    const b = weights.get(`${path}.lora_B.weight`)
    if (b === undefined) throw new EngineError('adapter_invalid', `the adapter has ${name} without its lora_B`)
    factors.set(path.replace(/^base_model\.model\./, ''), { rank, a, b: b.map((value) => value * scaling), magnitude: weights.get(`${path}.lora_magnitude_vector`) })
  }
  if (factors.size === 0) throw new EngineError('adapter_invalid', `the adapter has no lora_A tensors; it has ${[...weights.keys()].slice(0, 3).join(', ') || 'nothing'}`)
  return factors
}

/** Ids that end an answer: eos_token_id of generation_config.json and config.json, the tokenizer's EOS, and the end of a turn. */
function endTokens(folder: string, tokenizer: Tokenizer): Set<number> {
  const ends = new Set<number>([tokenizer.eosTokenId, turnEndToken(tokenizer)].filter((id) => id !== undefined))
  for (const file of ['config.json', 'generation_config.json']) {
    const path = join(folder, file)
    if (!existsSync(path)) continue
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
    const ids = typeof parsed === 'object' && parsed !== null && 'eos_token_id' in parsed ? parsed.eos_token_id : []
    for (const id of Array.isArray(ids) ? ids : [ids]) if (typeof id === 'number') ends.add(id)
  }
  return ends
}

function checkGenerateOptions({ maxTokens, temperature = 0, topK = 0, topP = 1, stop = [] }: GenerateOptions): void {
  const must = (isOk: boolean, field: string, value: unknown, wanted: string): void => {
    if (!isOk) throw new EngineError('input_invalid', `${field} is ${String(value)}; it must be ${wanted}`, { field })
  }
  must(Number.isInteger(maxTokens) && maxTokens >= 1, 'maxTokens', maxTokens, 'a whole number of 1 or more')
  must(temperature >= 0 && Number.isFinite(temperature), 'temperature', temperature, '0 (greedy) or more')
  must(Number.isInteger(topK) && topK >= 0, 'topK', topK, 'a whole number, 0 for all')
  must(topP > 0 && topP <= 1, 'topP', topP, 'above 0 and at most 1')
  must(!stop.includes(''), 'stop', '""', 'a list of texts that are not empty')
}
