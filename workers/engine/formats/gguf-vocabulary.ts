// The vocabulary and chat template inside a GGUF file: from tokens back to text, exactly. (llama.cpp's own detokenizer
// takes spaces before punctuation away for some models, so the text is put together here.)

import { EngineError } from '../engine-error.js'
import { byteAlphabet } from './bpe.js'
import { compileChatTemplate, renderChatTemplate } from './chat-template.js'
import type { GgufFile } from './gguf.js'
import type { Tokenizer } from './tokenizer.js'

export type GgufVocabulary = Pick<Tokenizer, 'decode' | 'applyChatTemplate' | 'hasChatTemplate' | 'bosTokenId' | 'eosTokenId'>

/** Token kinds in `tokenizer.ggml.token_type`. */
const [UNKNOWN, CONTROL, USER_DEFINED, BYTE] = [2, 3, 4, 6]

/** Throws `tokenizer_invalid` where the file holds another kind of tokenizer than BPE, byte-level or SentencePiece's. */
export function openGgufVocabulary({ path, metadata }: GgufFile): GgufVocabulary {
  const valueOf = (name: string): unknown => metadata.get(`tokenizer.${name}`)?.value
  const [tokens, types] = [listOf(valueOf('ggml.tokens')), listOf(valueOf('ggml.token_type')).map(Number)]
  const pieceOf = pieceReader(path, valueOf('ggml.model'))
  if (tokens.length === 0) throw new EngineError('tokenizer_invalid', `GGUF file ${path} holds no tokens (tokenizer.ggml.tokens)`, { path })
  const piece = (id: number): Buffer => pieceOf(String(tokens[id] ?? ''), types[id] ?? 0)
  const isHidden = (id: number): boolean => types[id] === CONTROL || types[id] === UNKNOWN
  const id = (name: string): number | undefined => (valueOf(`ggml.${name}_token_id`) === undefined ? undefined : Number(valueOf(`ggml.${name}_token_id`)))
  const text = (name: string): string | undefined => { const known = id(name); return known === undefined ? undefined : String(tokens[known] ?? '') }
  const source = valueOf('chat_template')
  const template = compileChatTemplate(typeof source === 'string' ? source : undefined, path)
  const dropsFirstSpace = valueOf('ggml.model') === 'llama' && valueOf('ggml.add_space_prefix') !== false
  return {
    decode: (ids, { skipSpecialTokens = false } = {}) => {
      const bytes = Buffer.concat((skipSpecialTokens ? ids.filter((token) => !isHidden(token)) : ids).map(piece))
      const decoded = bytes.toString('utf8')
      return dropsFirstSpace && decoded.startsWith(' ') ? decoded.slice(1) : decoded
    },
    applyChatTemplate: (messages, { addGenerationPrompt = false } = {}) =>
      renderChatTemplate(template, { messages, addGenerationPrompt, tokens: { bos: text('bos'), eos: text('eos'), pad: text('padding') }, where: path }),
    hasChatTemplate: template !== undefined,
    bosTokenId: id('bos'),
    eosTokenId: id('eos'),
  }
}

/** The bytes a token stands for. */
function pieceReader(path: string, model: unknown): (token: string, type: number) => Buffer {
  if (model === 'llama') return (token, type) => (type === BYTE ? Buffer.from([Number.parseInt(token.slice(3, 5), 16)]) : Buffer.from(token.replaceAll('▁', ' ')))
  if (model !== 'gpt2') throw new EngineError('tokenizer_invalid', `GGUF file ${path} has tokenizer.ggml.model ${JSON.stringify(model)}; "gpt2" (byte-level BPE) and "llama" (SentencePiece) can be read`, { path })
  const byteOf = new Map(byteAlphabet().map((character, byte) => [character, byte]))
  // Special tokens are plain text, all others are written in GPT-2's alphabet of bytes.
  return (token, type) => (type === CONTROL || type === USER_DEFINED ? Buffer.from(token) : Buffer.from([...token].flatMap((character) => byteOf.get(character) ?? [...Buffer.from(character)])))
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
