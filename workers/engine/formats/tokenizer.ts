// One tokenizer door over `tokenizer.json` and the chat template of a Hugging Face model folder.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers'
import { EngineError } from '../engine-error.js'
import { compileChatTemplate, renderChatTemplate, type ChatMessage } from './chat-template.js'

export interface Tokenizer {
  /** Token ids of a text; addSpecialTokens (default true) applies the tokenizer's own rule, usually a leading BOS. */
  encode(text: string, options?: { addSpecialTokens?: boolean }): number[]
  /** Exact text of the ids (no clean-up of spaces). Bytes that are not UTF-8 become U+FFFD. */
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string
  tokenId(token: string): number | undefined
  tokenText(id: number): string | undefined
  /** The conversation as the model was taught to read it. Throws `template_invalid` when there is no template or it refuses the messages. */
  applyChatTemplate(messages: readonly ChatMessage[], options?: { addGenerationPrompt?: boolean }): string
  readonly hasChatTemplate: boolean
  readonly bosTokenId: number | undefined
  readonly eosTokenId: number | undefined
  readonly padTokenId: number | undefined
  /** Highest id + 1. */
  readonly vocabSize: number
}

/** Loads tokenizer.json, tokenizer_config.json, chat_template.jinja and, where present, checks config.json's vocab_size. */
export function loadTokenizer(folder: string): Tokenizer {
  const path = join(folder, 'tokenizer.json')
  if (!existsSync(path)) throw new EngineError('tokenizer_invalid', `${path} is not there; the folder needs the model's tokenizer.json`, { path })
  const tokenizerJson = readJson(path)
  const config = readJsonIfThere(join(folder, 'tokenizer_config.json'))
  let hub: HubTokenizer
  try {
    hub = new HubTokenizer(tokenizerJson, config)
  } catch (cause) {
    throw new EngineError('tokenizer_invalid', `${path} cannot be used: ${messageOf(cause)}`, { path }, cause)
  }
  const vocabSize = 1 + highest(hub.get_vocab(true).values())
  checkVocabulary(folder, vocabSize)
  const special = (name: string): string | undefined => tokenContent(config[name])
  const idOf = (token: string | undefined): number | undefined => (token === undefined ? undefined : hub.token_to_id(token))
  const template = compileChatTemplate(chatTemplateSource(folder, config), folder)
  return {
    encode: (text, { addSpecialTokens = true } = {}) => (text === '' && !addSpecialTokens ? [] : hub.encode(text, { add_special_tokens: addSpecialTokens }).ids),
    decode: (ids, { skipSpecialTokens = false } = {}) =>
      ids.length === 0 ? '' : hub.decode([...ids], { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: false }),
    tokenId: idOf,
    tokenText: (id) => hub.id_to_token(id),
    applyChatTemplate: (messages, { addGenerationPrompt = false } = {}) =>
      renderChatTemplate(template, { messages, addGenerationPrompt, tokens: { bos: special('bos_token'), eos: special('eos_token'), pad: special('pad_token') }, where: folder }),
    hasChatTemplate: template !== undefined,
    bosTokenId: idOf(special('bos_token')),
    eosTokenId: idOf(special('eos_token')),
    padTokenId: idOf(special('pad_token')),
    vocabSize,
  }
}

function checkVocabulary(folder: string, vocabSize: number): void {
  const path = join(folder, 'config.json')
  const modelVocabSize = readJsonIfThere(path)['vocab_size']
  if (typeof modelVocabSize === 'number' && modelVocabSize < vocabSize) {
    throw new EngineError('tokenizer_invalid', `the tokenizer in ${folder} has ids up to ${vocabSize - 1}, but config.json says vocab_size ${modelVocabSize}; the tokenizer and the weights are of different models`, { tokenizerVocabSize: vocabSize, modelVocabSize })
  }
}

/** Jinja source of the template for plain conversations; undefined where the model has none. */
export function chatTemplateSource(folder: string, config: Record<string, unknown>): string | undefined {
  const file = join(folder, 'chat_template.jinja')
  return existsSync(file) ? readFileSync(file, 'utf8') : templateSource(config['chat_template'])
}

/** A model may carry several named templates; "default" is the one for plain conversations. */
function templateSource(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  for (const entry of value) {
    if (isRecord(entry) && entry['name'] === 'default' && typeof entry['template'] === 'string') return entry['template']
  }
  return undefined
}

/** Special tokens are a string, or an object with `content`. */
export function tokenContent(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return isRecord(value) && typeof value['content'] === 'string' ? value['content'] : undefined
}

function highest(values: Iterable<number>): number {
  let max = -1
  for (const value of values) max = Math.max(max, value)
  return max
}

export function readJsonIfThere(path: string): Record<string, unknown> {
  return existsSync(path) ? readJson(path) : {}
}

function readJson(path: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new EngineError('tokenizer_invalid', `${path} cannot be read as JSON: ${messageOf(cause)}`, { path }, cause)
  }
  if (!isRecord(parsed)) throw new EngineError('tokenizer_invalid', `${path} must hold a JSON object`, { path })
  return parsed
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
