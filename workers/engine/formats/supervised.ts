// Turns a training record into tokens and labels. What is learned is found by prefixes: what the prompt alone
// tokenizes to is masked, turn by turn, so no chat template needs to mark its answers (TRL's {% generation %}).

import { EngineError } from '../engine-error.js'
import type { ChatMessage } from './chat-template.js'
import type { Tokenizer } from './tokenizer.js'
import { isSpecialToken } from './turn-end.js'

/** Label of a token that takes no part in the loss (PyTorch's ignore_index). */
export const IGNORED_LABEL = -100

/** `promptMessages`: how many messages are only read; left out: all before the last assistant message. */
export type SupervisedRecord = { prompt: string; completion: string } | { messages: readonly ChatMessage[]; promptMessages?: number }

/**
 * What is learned: `completion`, all that follows the prompt (TRL's completion_only_loss); `assistant`, every assistant
 * turn of a conversation (its assistant_only_loss); `all`, every token. `auto`: assistant for conversations, else completion.
 */
export type LossOn = 'auto' | 'completion' | 'assistant' | 'all'

export interface SupervisedOptions {
  maxLength: number
  /** Default auto. */
  lossOn?: LossOn
  /** Which end of a longer record is kept. Default start. */
  keep?: 'start' | 'end'
}

export interface SupervisedTokens {
  tokens: number[]
  /** Same length, unshifted: the token itself where it is learned, -100 where it is not. */
  labels: number[]
  /** 0 means the example teaches nothing (its completion was cut away): leave it out and say so. */
  supervisedTokens: number
  /** The record was longer than maxLength and lost an end. */
  isTruncated: boolean
  /** The token that ends the answer is learned: a model that never learns it does not stop. */
  learnsEnd: boolean
}

interface Labelled {
  tokens: number[]
  labels: number[]
}

/**
 * Tokens and labels of one record. A plain completion ends with the tokenizer's EOS; a conversation ends as its
 * template ends. Where prompt and answer together do not tokenize to an extension of the prompt, the two are tokenized
 * apart, which is what generation will see. Throws `input_invalid` without an assistant turn or an EOS token, and
 * `template_invalid` where the template writes a turn differently once later turns follow.
 */
export function encodeSupervised(tokenizer: Tokenizer, record: SupervisedRecord, options: SupervisedOptions): SupervisedTokens {
  const { maxLength, lossOn = 'auto', keep = 'start' } = options
  const labelled = 'messages' in record ? encodeConversation(tokenizer, record, lossOn) : encodeCompletion(tokenizer, record, lossOn)
  const isTruncated = labelled.tokens.length > maxLength
  const cut = (values: number[]): number[] => (keep === 'start' ? values.slice(0, maxLength) : values.slice(-maxLength))
  const [tokens, labels] = [cut(labelled.tokens), cut(labelled.labels)]
  return { tokens, labels, supervisedTokens: countLearned(labels), isTruncated, learnsEnd: learnsEnd(tokenizer, labels) && !(isTruncated && keep === 'start') }
}

/**
 * A text learned whole, with EOS at its end unless it is there (TRL's language modeling records). A text longer than
 * maxLength becomes several pieces that overlap by one token, so that each token but the first is predicted exactly once.
 */
export function encodeText(tokenizer: Tokenizer, text: string, maxLength: number): number[][] {
  const tokens = withEos(tokenizer, tokenizer.encode(text))
  const pieces: number[][] = []
  for (let start = 0; start < tokens.length - 1; start += maxLength - 1) pieces.push(tokens.slice(start, start + maxLength))
  return pieces
}

/** The text of an example with what is learned between ⟦ and ⟧, for a person to read. */
export function showLearned(tokenizer: Tokenizer, { tokens, labels }: Labelled): string {
  const parts: string[] = []
  for (let start = 0, end = 0; start < tokens.length; start = end) {
    const isLearned = labels[start] !== IGNORED_LABEL
    while (end < tokens.length && (labels[end] !== IGNORED_LABEL) === isLearned) end++
    const text = tokenizer.decode(tokens.slice(start, end))
    parts.push(isLearned ? `⟦${text}⟧` : text)
  }
  return parts.join('')
}

function encodeCompletion(tokenizer: Tokenizer, { prompt, completion }: { prompt: string; completion: string }, lossOn: LossOn): Labelled {
  if (lossOn === 'assistant') throw new EngineError('input_invalid', 'lossOn is "assistant", and a prompt with its completion has no turns; use "completion" or "all", or write the record as messages')
  const promptTokens = tokenizer.encode(prompt)
  const joined = tokenizer.encode(prompt + completion)
  const isExtension = joined.length > promptTokens.length && startsWith(joined, promptTokens)
  const tokens = isExtension ? joined : [...promptTokens, ...tokenizer.encode(completion, { addSpecialTokens: false })]
  // A prompt may itself end with EOS; the completion's own is still to come.
  const ended = tokens.length > promptTokens.length ? withEos(tokenizer, tokens) : [...tokens, endToken(tokenizer)]
  const from = lossOn === 'all' ? 0 : promptTokens.length
  return { tokens: ended, labels: ended.map((token, index) => (index < from ? IGNORED_LABEL : token)) }
}

function encodeConversation(tokenizer: Tokenizer, { messages, promptMessages }: { messages: readonly ChatMessage[]; promptMessages?: number }, lossOn: LossOn): Labelled {
  const turns = messages.flatMap(({ role }, index) => (role === 'assistant' ? [index] : []))
  const last = turns.at(-1)
  if (last === undefined) {
    throw new EngineError('input_invalid', `a conversation to learn from needs an assistant message; it has roles ${messages.map((message) => message.role).join(', ') || '(none)'}`)
  }
  const text = tokenizer.applyChatTemplate(messages)
  if (lossOn === 'all') {
    const tokens = encodeRendered(tokenizer, text)
    return { tokens, labels: [...tokens] }
  }
  const spans = lossOn === 'completion' ? [[promptMessages ?? last, messages.length] as const] : turns.map((turn) => [turn, turn + 1] as const)
  return labelSpans(tokenizer, text, spans.map(([from, to]) => ({ from: answerStart(tokenizer, { messages, text, from }), to: answerEnd(tokenizer, { messages, text, to }) })))
}

interface Rendered {
  messages: readonly ChatMessage[]
  /** The whole conversation. */
  text: string
}

/** Where the answer to the first `from` messages begins in the text. */
function answerStart(tokenizer: Tokenizer, { messages, text, from }: Rendered & { from: number }): number {
  const before = tokenizer.applyChatTemplate(messages.slice(0, from), { addGenerationPrompt: true })
  if (!text.startsWith(before)) throw differently(from)
  return before.length
}

/** Where the first `to` messages end. Some templates write EOS after the last message only. */
function answerEnd(tokenizer: Tokenizer, { messages, text, to }: Rendered & { to: number }): number {
  if (to === messages.length) return text.length
  const after = tokenizer.applyChatTemplate(messages.slice(0, to))
  if (text.startsWith(after)) return after.length
  const eos = tokenizer.eosTokenId === undefined ? '' : (tokenizer.tokenText(tokenizer.eosTokenId) ?? '')
  const open = eos !== '' && after.endsWith(eos) ? after.slice(0, -eos.length) : after
  if (!text.startsWith(open)) throw differently(to - 1)
  return open.length
}

function differently(message: number): EngineError {
  return new EngineError('template_invalid', `the chat template renders message ${message + 1} differently when later messages follow, so the tokens to learn cannot be told apart; use lossOn: completion (the last answer alone) or all, or split the conversation into one record per answer`)
}

/** Labels the characters [from, to) of each span. The spans are in order and do not overlap. */
function labelSpans(tokenizer: Tokenizer, text: string, spans: readonly { from: number; to: number }[]): Labelled {
  const whole = encodeRendered(tokenizer, text)
  const places = spans.flatMap(({ from, to }) => [from, to]).map((end) => encodeRendered(tokenizer, text.slice(0, end)))
  if (places.every((prefix) => startsWith(whole, prefix))) {
    const labels = whole.map(() => IGNORED_LABEL)
    for (let index = 0; index < places.length; index += 2) {
      for (let at = places[index]?.length ?? 0; at < (places[index + 1]?.length ?? 0); at++) labels[at] = whole[at] ?? IGNORED_LABEL
    }
    return { tokens: whole, labels }
  }
  const pieces: Labelled = { tokens: [], labels: [] }
  let done = 0
  for (const { from, to } of [...spans, { from: text.length, to: text.length }]) {
    const [read, learned] = [encodeRendered(tokenizer, text.slice(done, from)), encodeRendered(tokenizer, text.slice(from, to))]
    pieces.tokens.push(...read, ...learned)
    pieces.labels.push(...read.map(() => IGNORED_LABEL), ...learned)
    done = to
  }
  return pieces
}

/** A template writes BOS itself. */
function encodeRendered(tokenizer: Tokenizer, text: string): number[] {
  return tokenizer.encode(text, { addSpecialTokens: false })
}

function endToken(tokenizer: Tokenizer): number {
  if (tokenizer.eosTokenId === undefined) throw new EngineError('input_invalid', 'the tokenizer names no eos_token, so a completion cannot be ended; set eos_token in tokenizer_config.json')
  return tokenizer.eosTokenId
}

function withEos(tokenizer: Tokenizer, tokens: number[]): number[] {
  const eos = endToken(tokenizer)
  return tokens.at(-1) === eos ? tokens : [...tokens, eos]
}

/** The first token has no context to be predicted from. */
function countLearned(labels: readonly number[]): number {
  return labels.reduce((count, label, index) => count + (index > 0 && label !== IGNORED_LABEL ? 1 : 0), 0)
}

/** The last learned run ends with a special token, white space after it aside. */
function learnsEnd(tokenizer: Tokenizer, labels: readonly number[]): boolean {
  for (let index = labels.findLastIndex((label) => label !== IGNORED_LABEL); index > 0 && labels[index] !== IGNORED_LABEL; index--) {
    const token = labels[index] ?? 0
    if (isSpecialToken(tokenizer, token)) return true
    if (tokenizer.decode([token]).trim() !== '') return false
  }
  return false
}

function startsWith(tokens: readonly number[], prefix: readonly number[]): boolean {
  return prefix.length <= tokens.length && prefix.every((token, index) => tokens[index] === token)
}
