// Turns a training record into tokens and labels, with the loss on completions only. The mask is found by
// token prefix, as TRL's SFTTrainer does: what the prompt alone tokenizes to is masked, the rest is learned.

import { EngineError } from '../engine-error.js'
import type { ChatMessage, Tokenizer } from './tokenizer.js'

/** Label of a token that takes no part in the loss (PyTorch's ignore_index). */
export const IGNORED_LABEL = -100

export type SupervisedRecord = { prompt: string; completion: string } | { messages: readonly ChatMessage[] }

export interface SupervisedTokens {
  tokens: number[]
  /** Same length, unshifted: the token itself where it is learned, -100 where it is not. */
  labels: number[]
  /** 0 means the example teaches nothing (its completion was cut away): leave it out and say so. */
  supervisedTokens: number
  /** The record was longer than maxLength and lost its end. */
  isTruncated: boolean
}

/**
 * Tokens and labels of one record, at most maxLength (the start is kept). A plain completion ends with the
 * tokenizer's EOS; a conversation ends as its template ends, and every assistant turn is learned.
 * Where prompt + completion do not tokenize to an extension of the prompt, the two are tokenized apart,
 * which is what generation will see. Throws `input_invalid` without an assistant turn or an EOS token.
 */
export function encodeSupervised(tokenizer: Tokenizer, record: SupervisedRecord, maxLength: number): SupervisedTokens {
  const { tokens, labels } = 'messages' in record ? encodeConversation(tokenizer, record.messages) : encodeCompletion(tokenizer, record)
  const kept = labels.slice(0, maxLength)
  return {
    tokens: tokens.slice(0, maxLength),
    labels: kept,
    // The first token has no context to be predicted from.
    supervisedTokens: kept.reduce((count, label, index) => count + (index > 0 && label !== IGNORED_LABEL ? 1 : 0), 0),
    isTruncated: tokens.length > maxLength,
  }
}

interface Labelled {
  tokens: number[]
  labels: number[]
}

function encodeCompletion(tokenizer: Tokenizer, { prompt, completion }: { prompt: string; completion: string }): Labelled {
  const eos = tokenizer.eosTokenId
  if (eos === undefined) throw new EngineError('input_invalid', 'the tokenizer names no eos_token, so a completion cannot be ended; set eos_token in tokenizer_config.json')
  const promptTokens = tokenizer.encode(prompt)
  const joined = tokenizer.encode(prompt + completion)
  const tokens = startsWith(joined, promptTokens) ? joined : [...promptTokens, ...tokenizer.encode(completion, { addSpecialTokens: false })]
  if (tokens.length === promptTokens.length || tokens.at(-1) !== eos) tokens.push(eos)
  return { tokens, labels: tokens.map((token, index) => (index < promptTokens.length ? IGNORED_LABEL : token)) }
}

function encodeConversation(tokenizer: Tokenizer, messages: readonly ChatMessage[]): Labelled {
  if (!messages.some((message) => message.role === 'assistant')) {
    throw new EngineError('input_invalid', `a conversation to learn from needs an assistant message; it has roles ${messages.map((message) => message.role).join(', ') || '(none)'}`)
  }
  const encode = (end: number, addGenerationPrompt: boolean): number[] =>
    tokenizer.encode(tokenizer.applyChatTemplate(messages.slice(0, end), { addGenerationPrompt }), { addSpecialTokens: false })
  const tokens = encode(messages.length, false)
  const labels = tokens.map(() => IGNORED_LABEL)
  messages.forEach((message, index) => {
    if (message.role !== 'assistant') return
    const before = encode(index, true)
    const after = encode(index + 1, false)
    if (!startsWith(tokens, before) || !startsWith(tokens, after)) {
      throw new EngineError('template_invalid', `the chat template renders message ${index + 1} differently when later messages follow, so the tokens to learn cannot be told apart; use prompt and completion instead`)
    }
    for (let i = before.length; i < after.length; i++) labels[i] = tokens[i] ?? IGNORED_LABEL
  })
  return { tokens, labels }
}

function startsWith(tokens: readonly number[], prefix: readonly number[]): boolean {
  return prefix.length <= tokens.length && prefix.every((token, index) => tokens[index] === token)
}
