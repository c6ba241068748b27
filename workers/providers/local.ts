/* A model of this machine, run by the engine or by llama.cpp: answers token by token, and tells how likely a given text is. */
import { EngineError } from '../engine/engine-error.js'
import type { Device } from '../engine/engine.js'
import { openLanguageModel } from '../engine/generate.js'
import { openGgufModel } from '../engine/llama-cpp.js'
import type { ContinuationScore, TextModel } from '../engine/text-model.js'
import type { BaseWeights } from '../engine/weight-cache.js'
import type { GgufSource, ModelSource } from '../model-source.js'
import { RunFailure } from '../run-context.js'
import { PromptRefused, timeAlone, type ChatModel, type Completion, type CompletionRequest, type ContinuationRequest, type LabelScores, type Message } from './chat-model.js'

export interface LocalModelOptions {
  name: string
  source: ModelSource | GgufSource
  /** The number format of the weights; a GGUF file has its own. */
  base?: BaseWeights
  threads: number
  device: Device
  chat?: ChatTemplateUse
}

/** auto: a lone question stays plain text, the way base models and adapters are trained here; several messages go through the chat template. */
export type ChatTemplateUse = 'auto' | 'always' | 'never'

/** @throws {RunFailure} `invalid_params` when a chat template is asked for and the model has none. */
export async function openLocalModel({ name, source, base, threads, device, chat = 'auto' }: LocalModelOptions): Promise<ChatModel> {
  const model = await openTextModel(source, { base, threads, device })
  if (chat !== 'always' || model.tokenizer.hasChatTemplate) return new EngineChatModel(name, model, chat)
  await model.close()
  throw new RunFailure('invalid_params', `chat is always, and model "${name}" has no chat template; set chat to auto, or name a model with one`)
}

function openTextModel(source: ModelSource | GgufSource, { base, ...where }: { base: BaseWeights | undefined; threads: number; device: Device }): Promise<TextModel> {
  if ('ggufFile' in source) return openGgufModel({ path: source.ggufFile, ...where })
  const { folder, adapterFolder } = source
  return openLanguageModel({ folder, ...(adapterFolder === null ? {} : { adapter: { folder: adapterFolder } }), base, ...where })
}

export class EngineChatModel implements ChatModel {
  readonly name: string
  readonly concurrency: number
  private readonly model: TextModel
  private readonly chat: ChatTemplateUse

  constructor(name: string, model: TextModel, chat: ChatTemplateUse = 'auto') {
    this.name = name
    this.model = model
    this.concurrency = model.concurrency
    this.chat = chat
  }

  async complete(request: CompletionRequest): Promise<Completion> {
    const { maxTokens, temperature, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1, stop, seed } = request
    const generation = await refusingPrompts(() => this.model.generate(this.textOf(request.messages), { maxTokens, temperature, topK, topP, minP, repetitionPenalty, stop, seed }))
    const { text, tokensIn, tokensOut, ttftMs, totalMs, finishReason } = generation
    return { ...timeAlone(totalMs), text, tokensIn, tokensOut, ttftMs, finishReason }
  }

  readonly scoreContinuations = async (request: ContinuationRequest): Promise<LabelScores> => {
    const startedAt = performance.now()
    const prompt = request.rolling === true ? '' : this.textOf(request.messages)
    const scores = await refusingPrompts(() => (request.rolling === true ? this.wholeTexts(request.continuations) : this.model.logLikelihood(prompt, request.continuations)))
    return {
      ...timeAlone(performance.now() - startedAt),
      logLikelihoods: scores.map(({ logLikelihood }) => logLikelihood),
      labelTokens: scores.map(({ tokens }) => tokens),
      greedy: scores.map(({ isGreedy }) => isGreedy),
      tokensIn: request.rolling === true ? scores.reduce((sum, { tokens }) => sum + tokens, 0) : this.model.tokenizer.encode(prompt).length,
      tokensOut: 0,
    }
  }

  private async wholeTexts(texts: readonly string[]): Promise<ContinuationScore[]> {
    const scores: ContinuationScore[] = []
    for (const text of texts) scores.push(await this.model.rollingLogLikelihood(text))
    return scores
  }

  close(): Promise<void> {
    return this.model.close()
  }

  continuesText(messages: readonly Message[]): boolean {
    return !(this.chat === 'always' || (this.chat === 'auto' && messages.length > 1 && this.model.tokenizer.hasChatTemplate))
  }

  private textOf(messages: readonly Message[]): string {
    const { tokenizer } = this.model
    if (!this.continuesText(messages)) return tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true })
    if (messages.some(({ role }) => role === 'assistant')) {
      throw new RunFailure('invalid_params', `the prompt has turns of the assistant, and model "${this.name}" ${tokenizer.hasChatTemplate ? 'may not use its chat template (chat is never)' : 'has no chat template'}; write the turns into one template`)
    }
    return messages.map(({ content }) => content).join('\n\n')
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
