// Writes a trained byte-level BPE as a Hugging Face tokenizer: tokenizer.json (read by every `tokenizers`
// binding), tokenizer_config.json with the chat template, and special_tokens_map.json.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from '../engine-error.js'
import { PRE_TOKEN_PATTERN, type BpeVocabulary } from './bpe.js'
import { writeAtomically } from './file-bytes.js'

/** Special tokens of our own base models; their place in the list is their id. */
export const SPECIAL_TOKENS = ['<|endoftext|>', '<|user|>', '<|assistant|>', '<|end|>', '<|pad|>'] as const
const DOCUMENT_TOKEN = '<|endoftext|>'
const TURN_END_TOKEN = '<|end|>'
const PAD_TOKEN = '<|pad|>'
const idOf = (token: (typeof SPECIAL_TOKENS)[number]): number => SPECIAL_TOKENS.indexOf(token)

/**
 * A turn is role token, content, `<|end|>`, with nothing between: special tokens cut the text before merging,
 * so a prompt always tokenizes to a prefix of prompt + completion. A system message stands before the first turn.
 */
const CHAT_TEMPLATE = [
  '{{ bos_token }}',
  '{% for message in messages %}',
  "{% if message['role'] == 'system' %}{{ message['content'] }}",
  "{% elif message['role'] == 'user' or message['role'] == 'assistant' %}",
  "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}",
  "{% else %}{{ raise_exception('role must be system, user or assistant, not ' + message['role']) }}{% endif %}",
  '{% endfor %}',
  "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}",
].join('')

export interface TokenizerFilesOptions {
  /** Longest sequence the model takes, written as model_max_length. */
  contextLength: number
}

/** Writes the tokenizer files into `folder`, made if absent. The vocabulary must hold SPECIAL_TOKENS first, in order. */
export function writeTokenizerFiles(folder: string, vocabulary: BpeVocabulary, { contextLength }: TokenizerFilesOptions): void {
  if (SPECIAL_TOKENS.some((token, id) => vocabulary.tokens[id] !== token)) {
    throw new EngineError('tokenizer_invalid', `the vocabulary must begin with ${SPECIAL_TOKENS.join(' ')}; it begins with ${vocabulary.tokens.slice(0, SPECIAL_TOKENS.length).join(' ')}`)
  }
  mkdirSync(folder, { recursive: true })
  const write = (name: string, value: unknown): void => writeAtomically(join(folder, name), [Buffer.from(JSON.stringify(value, null, 1) + '\n')])
  write('tokenizer.json', tokenizerJson(vocabulary))
  write('tokenizer_config.json', {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: DOCUMENT_TOKEN,
    eos_token: DOCUMENT_TOKEN,
    pad_token: PAD_TOKEN,
    clean_up_tokenization_spaces: false,
    model_max_length: contextLength,
    chat_template: CHAT_TEMPLATE,
  })
  // An answer in a conversation ends with its turn, any other text with its document.
  write('generation_config.json', { bos_token_id: idOf(DOCUMENT_TOKEN), eos_token_id: [idOf(DOCUMENT_TOKEN), idOf(TURN_END_TOKEN)], pad_token_id: idOf(PAD_TOKEN) })
  write('special_tokens_map.json', { bos_token: DOCUMENT_TOKEN, eos_token: DOCUMENT_TOKEN, pad_token: PAD_TOKEN })
}

function tokenizerJson({ tokens, merges, specialTokens }: BpeVocabulary): unknown {
  const bos = { SpecialToken: { id: DOCUMENT_TOKEN, type_id: 0 } }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer: null,
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: PRE_TOKEN_PATTERN }, behavior: 'Isolated', invert: false },
        { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
      ],
    },
    post_processor: {
      type: 'TemplateProcessing',
      single: [bos, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [bos, { Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
      special_tokens: { [DOCUMENT_TOKEN]: { id: DOCUMENT_TOKEN, ids: [0], tokens: [DOCUMENT_TOKEN] } },
    },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  }
}
