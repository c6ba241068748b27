/*
 * How a LoRA run writes the items of its dataset for the model: as plain text from templates, the same inside the
 * model's chat template, as the conversations they are, or as texts to be learned whole.
 */
import type { DatasetTask, LoraParameters } from '../../server/contracts/index.js'
import { encodeSupervised, encodeText, type SupervisedOptions, type SupervisedRecord, type SupervisedTokens } from '../engine/formats/supervised.js'
import type { ChatMessage } from '../engine/formats/chat-template.js'
import type { Tokenizer } from '../engine/formats/tokenizer.js'
import type { PromptItem } from '../prompt-builder.js'
import { RunFailure } from '../run-context.js'
import { PromptTemplate } from '../template.js'

export interface LoraFormat {
  /** The examples an item makes: one, but a long text makes several. `target` takes the place of the item's own answer. */
  encode(item: PromptItem, target?: string): SupervisedTokens[]
  /** What a model reads before it answers. */
  promptOf(item: PromptItem): string
  /** What it should write then. */
  answerOf(item: PromptItem, target?: string): string
  /** A question of the experiment file as the model reads it. */
  questionOf(text: string): string
}

export interface FormatOptions {
  params: Pick<LoraParameters, 'template' | 'completion' | 'chatTemplate' | 'system' | 'lossOn' | 'truncation' | 'maxLength'>
  tokenizer: Tokenizer
}

/** @throws {RunFailure} `invalid_params` where the parameters ask of the dataset what it cannot have */
export function openFormat(task: DatasetTask, options: FormatOptions): LoraFormat {
  const { lossOn, chatTemplate, system } = options.params
  if (task === 'chat') return new ConversationFormat(options)
  if (task === 'text') {
    if (lossOn !== 'auto' && lossOn !== 'all') throw new RunFailure('invalid_params', `lossOn is "${lossOn}", and a text has no answers; use auto or all`)
    if (chatTemplate) throw new RunFailure('invalid_params', 'chatTemplate is true, and a text is no conversation; leave it out')
    return new TextFormat(options)
  }
  if (chatTemplate) return new ChatFormat(options)
  if (system !== undefined) throw new RunFailure('invalid_params', 'system is given, and plain text has no system message; set chatTemplate: true, or write it into template')
  if (lossOn === 'assistant') throw new RunFailure('invalid_params', 'lossOn is "assistant", and plain text has no turns; use completion, or set chatTemplate: true')
  return new PlainFormat(options)
}

function supervisedOptions({ params }: FormatOptions): SupervisedOptions {
  return { maxLength: params.maxLength, lossOn: params.lossOn, keep: params.truncation === 'keep_end' ? 'end' : 'start' }
}

class PlainFormat implements LoraFormat {
  private readonly prompt: PromptTemplate
  private readonly answer: PromptTemplate
  private readonly options: FormatOptions

  constructor(options: FormatOptions) {
    this.options = options
    this.prompt = new PromptTemplate(options.params.template, 'template')
    this.answer = new PromptTemplate(options.params.completion, 'completion')
  }

  encode(item: PromptItem, target?: string): SupervisedTokens[] {
    return [encodeSupervised(this.options.tokenizer, { prompt: this.promptOf(item), completion: this.answerOf(item, target) }, supervisedOptions(this.options))]
  }

  promptOf(item: PromptItem): string {
    return this.prompt.render(item)
  }

  answerOf(item: PromptItem, target: string = item.target): string {
    return this.answer.render({ ...item, target })
  }

  questionOf(text: string): string {
    return text
  }
}

abstract class MessagesFormat implements LoraFormat {
  protected readonly options: FormatOptions

  constructor(options: FormatOptions) {
    this.options = options
  }

  /** All that is said before the answer. */
  protected abstract before(item: PromptItem): ChatMessage[]
  abstract answerOf(item: PromptItem, target?: string): string

  encode(item: PromptItem, target?: string): SupervisedTokens[] {
    return [encodeSupervised(this.options.tokenizer, this.record(item, target), supervisedOptions(this.options))]
  }

  promptOf(item: PromptItem): string {
    return this.options.tokenizer.applyChatTemplate(this.before(item), { addGenerationPrompt: true })
  }

  questionOf(text: string): string {
    return this.options.tokenizer.applyChatTemplate(this.withSystem([{ role: 'user', content: text }]), { addGenerationPrompt: true })
  }

  protected record(item: PromptItem, target?: string): SupervisedRecord {
    const messages = this.before(item)
    return { messages: [...messages, { role: 'assistant', content: this.answerOf(item, target) }], promptMessages: messages.length }
  }

  protected withSystem(messages: ChatMessage[]): ChatMessage[] {
    const { system } = this.options.params
    return system === undefined || messages[0]?.role === 'system' ? messages : [{ role: 'system', content: system }, ...messages]
  }
}

/** Prompt and answer of the templates as user and assistant. Templates write the white space between turns themselves. */
class ChatFormat extends MessagesFormat {
  private readonly plain: PlainFormat

  constructor(options: FormatOptions) {
    super(options)
    this.plain = new PlainFormat(options)
  }

  answerOf(item: PromptItem, target?: string): string {
    return this.plain.answerOf(item, target).trim()
  }

  protected before(item: PromptItem): ChatMessage[] {
    return this.withSystem([{ role: 'user', content: this.plain.promptOf(item) }])
  }
}

/** A chat dataset's own conversations. They are scored by their last answer. */
class ConversationFormat extends MessagesFormat {
  answerOf(item: PromptItem, target: string = item.target): string {
    return target
  }

  protected before(item: PromptItem): ChatMessage[] {
    const { messages } = conversationOf(item)
    return this.withSystem(messages.slice(0, messages.findLastIndex(({ role }) => role === 'assistant')))
  }

  protected override record(item: PromptItem): SupervisedRecord {
    const { messages, promptMessages } = conversationOf(item)
    const all = this.withSystem(messages)
    return { messages: all, promptMessages: promptMessages + all.length - messages.length }
  }
}

function conversationOf(item: PromptItem): { messages: ChatMessage[]; promptMessages: number } {
  return { messages: item['messages'] as ChatMessage[], promptMessages: Number(item['promptMessages']) }
}

class TextFormat implements LoraFormat {
  private readonly options: FormatOptions

  constructor(options: FormatOptions) {
    this.options = options
  }

  encode(item: PromptItem): SupervisedTokens[] {
    const { tokenizer, params } = this.options
    return encodeText(tokenizer, item.target, params.maxLength).map((tokens) => ({ tokens, labels: tokens, supervisedTokens: tokens.length - 1, isTruncated: false, learnsEnd: true }))
  }

  promptOf(): string {
    return ''
  }

  answerOf(item: PromptItem): string {
    return item.target
  }

  questionOf(text: string): string {
    return text
  }
}
