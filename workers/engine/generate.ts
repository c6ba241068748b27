/**
 * A language model to talk to: text generation and log-likelihoods over a Hugging Face folder, with an optional LoRA
 * adapter or the live weights of a trainer. Runs block the thread while they compute.
 */
import { Answer } from './answer.js'
import { DecodeQueue, MOST_ROWS } from './decode-queue.js'
import { EngineError } from './engine-error.js'
import type { Device, LlamaConfig } from './engine.js'
import { moduleUpdates, readPeftAdapter } from './formats/peft.js'
import { StreamDecoder } from './formats/stream-decoder.js'
import { loadTokenizer, type Tokenizer } from './formats/tokenizer.js'
import { configuredEndTokens } from './formats/tokenizer-json.js'
import { turnEndToken } from './formats/turn-end.js'
import { readLlamaConfig } from './models/llama-config.js'
import type { LoraFactors } from './models/inference-graph.js'
import { LlamaRunner } from './models/llama-decode.js'
import { PromptTokens } from './prompt-tokens.js'
import { createSampler, GREEDY } from './sampling.js'
import { checkGenerateOptions, type ContinuationScore, type GenerateOptions, type Generation, type TextModel } from './text-model.js'
import type { BaseWeights } from './weight-cache.js'

/** Windows of a long text that are computed together. */
const WINDOWS_PER_PASS = 16

export interface OpenLanguageModelOptions {
  /** Hugging Face folder: config.json, *.safetensors, tokenizer.json. */
  folder: string
  /** Folder of the tokenizer, where it is not in `folder`. */
  tokenizerFolder?: string
  adapter?: AdapterSource
  /** The number format of the weights; left out, that of the folder. */
  base?: BaseWeights
  /** Whole weights by Hugging Face name, used in place of the folder's (a trainer without LoRA). */
  liveWeights?: ReadonlyMap<string, Float32Array>
  threads: number
  device: Device
  /** Weights that take no more than this in f32 are held once more, in the form that decodes fastest. Default 1 GiB. */
  repackLimitBytes?: number
}

/** A PEFT folder, or the live tensors of a trainer by PEFT name with their scaling (see loraScaling). */
export type AdapterSource = { folder: string } | LiveAdapter

interface LiveAdapter {
  weights: ReadonlyMap<string, Float32Array>
  rank: number
  scaling: number
}

export interface LanguageModel extends TextModel {
  readonly config: LlamaConfig
  readonly tokenizer: Tokenizer
  /** −ln p of each token after the first, given those before it in its sequence; [length − 1] per sequence, in nats. */
  tokenLosses(sequences: readonly (readonly number[])[]): Promise<Float32Array[]>
  /** Logits of every position, [tokens.length, V] row-major: for parity tests. */
  logits(tokens: readonly number[]): Promise<Float32Array>
  /** Logits of the token that would follow a text, [V]. */
  nextLogits(text: string): Promise<{ tokens: number; logits: Float32Array }>
  /** Switches to another adapter, or to the base model with null, without loading the base again. */
  useAdapter(adapter: AdapterSource | null): void
  /** Gives back memory that is held for the next answer, where it is more than a little. */
  release(): Promise<void>
}

/** Opens a model. Throws an EngineError that names the file and field where the folder is not a model the engine can run. */
export async function openLanguageModel(options: OpenLanguageModelOptions): Promise<LanguageModel> {
  const { folder, tokenizerFolder = folder, adapter, base, liveWeights, threads, device, repackLimitBytes } = options
  const config = readLlamaConfig(folder)
  const tokenizer = loadTokenizer(tokenizerFolder)
  if (tokenizer.vocabSize > config.vocabSize) {
    throw new EngineError('tokenizer_invalid', `the tokenizer in ${tokenizerFolder} has ids up to ${tokenizer.vocabSize - 1}, the model in ${folder} has vocab_size ${config.vocabSize}; they are of different models`)
  }
  const runner = new LlamaRunner({ folder, config, base, device, threads, liveWeights, repackLimitBytes })
  // One end for a text and one for a turn of a conversation are usual.
  const ends = [tokenizer.eosTokenId, turnEndToken(tokenizer), ...configuredEndTokens(folder)].filter((id) => id !== undefined)
  const model = new LocalModel(runner, tokenizer, new Set(ends))
  if (adapter !== undefined) model.useAdapter(adapter)
  return model
}

class LocalModel implements LanguageModel {
  readonly config: LlamaConfig
  readonly tokenizer: Tokenizer
  readonly #runner: LlamaRunner
  readonly #endTokens: ReadonlySet<number>
  readonly #prompts: PromptTokens
  readonly #decoding: DecodeQueue
  readonly concurrency = MOST_ROWS

  constructor(runner: LlamaRunner, tokenizer: Tokenizer, ends: ReadonlySet<number>) {
    this.config = runner.config
    this.tokenizer = tokenizer
    this.#runner = runner
    this.#endTokens = ends
    this.#decoding = new DecodeQueue(runner)
    this.#prompts = new PromptTokens(tokenizer, runner.config.maxPositions)
  }

  /** Calls that overlap are continued together, a token each per run. */
  async generate(prompt: string | readonly number[], options: GenerateOptions): Promise<Generation> {
    checkGenerateOptions(options)
    const tokens = typeof prompt === 'string' ? this.#prompts.encode(prompt) : prompt
    const limit = Math.min(options.maxTokens, this.#prompts.roomAfter(tokens.length))
    return this.#decoding.withPlace(() => this.#continue(tokens, { ...options, maxTokens: limit }))
  }

  async #continue(tokens: readonly number[], options: GenerateOptions): Promise<Generation> {
    const startedAt = performance.now()
    const answer = new Answer(new StreamDecoder(this.tokenizer, tokens), options)
    const sample = createSampler({ ...GREEDY, ...options }, tokens)
    const cache = this.#runner.newCache()
    let logits = await this.#decoding.first({ cache, tokens })
    const sequence = this.#decoding.batch.join(cache)
    let [tokensOut, ttftMs] = [0, 0]
    let finishReason: Generation['finishReason'] = 'length'
    try {
      while (tokensOut < options.maxTokens) {
        options.signal?.throwIfAborted()
        const token = sample(logits)
        tokensOut++
        if (tokensOut === 1) ttftMs = performance.now() - startedAt
        if (this.#endTokens.has(token) || answer.push(token)) {
          finishReason = 'stop'
          break
        }
        if (tokensOut < options.maxTokens) logits = await this.#decoding.next(sequence, token)
      }
    } finally {
      this.#decoding.batch.leave(sequence)
    }
    // A stop text may still be completed by bytes that were waiting for the rest of a character.
    if (answer.finish()) finishReason = 'stop'
    return { text: answer.text, tokensIn: tokens.length, tokensOut, ttftMs, totalMs: performance.now() - startedAt, finishReason }
  }

  async logLikelihood(prompt: string, continuations: readonly string[]): Promise<ContinuationScore[]> {
    const { context, labels } = this.#prompts.split(prompt, continuations)
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

  async rollingLogLikelihood(text: string): Promise<ContinuationScore> {
    const windows = this.#prompts.rolling(text)
    let [logLikelihood, tokens, isGreedy] = [0, 0, true]
    for (let start = 0; start < windows.length; start += WINDOWS_PER_PASS) {
      const batch = windows.slice(start, start + WINDOWS_PER_PASS)
      // Losses of the tokens that are context alone are computed and left out.
      const labels = batch.map(({ inputs, labels: wanted }) => [...inputs.slice(1), wanted.at(-1) ?? 0])
      const scored = await this.#runner.score(this.#runner.newCache(), batch.map(({ inputs }, index) => ({ inputs, labels: labels[index] ?? [] })))
      for (const [index, { nll, best }] of scored.entries()) {
        const count = batch[index]?.labels.length ?? 0
        logLikelihood -= nll.slice(-count).reduce((sum, value) => sum + value, 0)
        isGreedy &&= best.slice(-count).every((token, place) => token === batch[index]?.labels[place])
        tokens += count
      }
    }
    return { logLikelihood, tokens, isGreedy }
  }

  async tokenLosses(sequences: readonly (readonly number[])[]): Promise<Float32Array[]> {
    for (const { length } of sequences) {
      if (length < 2) throw new EngineError('input_invalid', `a sequence has ${length} tokens; a loss needs at least 2`)
      this.#prompts.roomAfter(length - 2)
    }
    const scored = await this.#runner.score(this.#runner.newCache(), sequences.map((tokens) => ({ inputs: tokens.slice(0, -1), labels: tokens.slice(1) })))
    return scored.map(({ nll }) => nll)
  }

  async logits(tokens: readonly number[]): Promise<Float32Array> {
    this.#prompts.roomAfter(tokens.length - 1)
    return this.#runner.extend(this.#runner.newCache(), tokens, tokens.map((_, index) => index))
  }

  async nextLogits(text: string): Promise<{ tokens: number; logits: Float32Array }> {
    const tokens = this.#prompts.encode(text)
    this.#prompts.roomAfter(tokens.length)
    return { tokens: tokens.length, logits: await this.#runner.extend(this.#runner.newCache(), tokens) }
  }

  useAdapter(adapter: AdapterSource | null): void {
    this.#runner.useAdapter(adapter === null ? new Map() : loraFactors(adapter))
  }

  release(): Promise<void> {
    return this.#runner.release()
  }

  close(): Promise<void> {
    return this.#runner.close()
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
