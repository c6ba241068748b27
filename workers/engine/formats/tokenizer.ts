// One tokenizer door over `tokenizer.json` and the chat template of a Hugging Face model folder.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers'
import { EngineError, shown } from '../engine-error.js'
import { compileChatTemplate, renderChatTemplate, type ChatMessage } from './chat-template.js'
import { readJsonIfThere, readTokenizerSource, type Json } from './tokenizer-json.js'

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
  const { tokenizer, config, vocabSize, special } = readTokenizerSource(folder)
  checkVocabulary(folder, vocabSize)
  const hub = guarded(folder, 'cannot be used', () => new HubTokenizer(tokenizer, config))
  const idOf = (token: string | undefined): number | undefined => (token === undefined ? undefined : hub.token_to_id(token))
  const template = compileChatTemplate(chatTemplateSource(folder, config), folder)
  return {
    encode: (text, { addSpecialTokens = true } = {}) => (text === '' && !addSpecialTokens ? [] : encodeChecked(hub, folder, { text, addSpecialTokens })),
    decode: (ids, { skipSpecialTokens = false } = {}) => {
      // A model may have rows that no token uses, and choose one of them; they have no text.
      const known = ids.filter((id) => hub.id_to_token(id) !== undefined)
      return known.length === 0 ? '' : guarded(folder, 'cannot decode', () => hub.decode(known, { skip_special_tokens: skipSpecialTokens, clean_up_tokenization_spaces: false }))
    },
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

function encodeChecked(hub: HubTokenizer, folder: string, { text, addSpecialTokens }: { text: string; addSpecialTokens: boolean }): number[] {
  const { ids, tokens } = guarded(folder, 'cannot encode', () => hub.encode(text, { add_special_tokens: addSpecialTokens }))
  const missing = ids.findIndex((id: number | undefined) => id === undefined)
  if (missing < 0) return ids
  throw new EngineError('tokenizer_invalid', `the tokenizer in ${folder} makes the token ${shown(tokens[missing])} of a text, which its vocabulary lacks, and it has no unk_token; its vocabulary and its rules are of different models`, { token: tokens[missing] })
}

/** The library takes the file's rules at their word and fails where they contradict themselves. */
function guarded<T>(folder: string, problem: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new EngineError('tokenizer_invalid', `the tokenizer in ${folder} ${problem}: ${cause instanceof Error ? cause.message : String(cause)}`, { folder }, cause)
  }
}

function checkVocabulary(folder: string, vocabSize: number): void {
  const modelVocabSize = readJsonIfThere(join(folder, 'config.json'))['vocab_size']
  if (typeof modelVocabSize === 'number' && modelVocabSize < vocabSize) {
    throw new EngineError('tokenizer_invalid', `the tokenizer in ${folder} has ids up to ${vocabSize - 1}, but config.json says vocab_size ${modelVocabSize}; the tokenizer and the weights are of different models`, { tokenizerVocabSize: vocabSize, modelVocabSize })
  }
}

/** Jinja source of the template for plain conversations; undefined where the model has none. */
export function chatTemplateSource(folder: string, config: Json): string | undefined {
  const file = join(folder, 'chat_template.jinja')
  return existsSync(file) ? readFileSync(file, 'utf8') : templateSource(config['chat_template'])
}

/** A model may carry several named templates; "default" is the one for plain conversations. */
function templateSource(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return undefined
  const entry: unknown = value.find((named) => typeof named === 'object' && named !== null && 'name' in named && named.name === 'default')
  return typeof entry === 'object' && entry !== null && 'template' in entry && typeof entry.template === 'string' ? entry.template : undefined
}
