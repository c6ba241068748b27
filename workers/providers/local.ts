/* A model of this machine, run by the engine: answers token by token, and tells how likely a given text is. */
import { EngineError } from '../engine/engine-error.js'
import type { Device } from '../engine/engine.js'
import { openLanguageModel, type LanguageModel } from '../engine/generate.js'
import type { ModelSource } from '../model-source.js'
import { PromptRefused, type ChatModel, type Completion, type CompletionRequest, type LabelScores } from './chat-model.js'

export interface LocalModelOptions {
  name: string
  source: ModelSource
  threads: number
  device: Device
}

/**
 * Prompts go to a local model as plain text, the way base models and adapters are trained here. Only where
 * a system message is given and the model has a chat template are both put into it.
 */
export async function openLocalModel({ name, source, threads, device }: LocalModelOptions): Promise<ChatModel> {
  const model = await openLanguageModel({
    folder: source.folder,
    ...(source.adapterFolder === null ? {} : { adapter: { folder: source.adapterFolder } }),
    threads,
    device,
  })
  return new EngineChatModel(name, model)
}

export class EngineChatModel implements ChatModel {
  readonly name: string
  /** The engine computes one request at a time, with all threads. */
  readonly concurrency = 1
  private readonly model: LanguageModel

  constructor(name: string, model: LanguageModel) {
    this.name = name
    this.model = model
  }

  async complete(request: CompletionRequest): Promise<Completion> {
    const { maxTokens, temperature, topK = 0, topP = 1, stop, seed } = request
    const generation = await refusingPrompts(() => this.model.generate(this.textOf(request), { maxTokens, temperature, topK, topP, stop, seed }))
    const { text, tokensIn, tokensOut, ttftMs, totalMs, finishReason } = generation
    return { text, tokensIn, tokensOut, ttftMs, latencyMs: totalMs, finishReason, tries: 1 }
  }

  readonly scoreContinuations = async (request: { system: string | null; prompt: string; continuations: readonly string[] }): Promise<LabelScores> => {
    const startedAt = performance.now()
    const prompt = this.textOf(request)
    const scores = await refusingPrompts(() => this.model.logLikelihood(prompt, request.continuations))
    return {
      logLikelihoods: scores.map(({ logLikelihood }) => logLikelihood),
      labelTokens: scores.map(({ tokens }) => tokens),
      tokensIn: this.model.tokenizer.encode(prompt).length,
      latencyMs: performance.now() - startedAt,
    }
  }

  close(): Promise<void> {
    return this.model.close()
  }

  private textOf({ system, prompt }: { system: string | null; prompt: string }): string {
    if (system === null) return prompt
    if (!this.model.tokenizer.hasChatTemplate) return `${system}\n\n${prompt}`
    const messages = [{ role: 'system', content: system }, { role: 'user', content: prompt }]
    return this.model.tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true })
  }
}

/** A prompt that does not fit the context is that prompt's fault, not the model's. */
async function refusingPrompts<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof EngineError && error.code === 'context_exceeded') throw new PromptRefused(error.message, { cause: error })
    throw error
  }
}
