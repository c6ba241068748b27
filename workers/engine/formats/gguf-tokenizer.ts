// tokenizer.json as llama.cpp wants it in GGUF: token texts with their types, merges or scores, special ids, and the
// name of the rule by which text is cut before merging. llama.cpp knows such rules by name only, so a rule it does not
// have is refused: a model that reads other tokens than it was trained on gives answers that nobody can explain.
// Layout: llama.cpp gguf-py/gguf/constants.py (Keys.Tokenizer); rules: src/llama-vocab.cpp.

import { join } from 'node:path'
import { EngineError } from '../engine-error.js'
import { PRE_TOKEN_PATTERN } from './bpe.js'
import type { GgufValue } from './gguf-types.js'
import { ggufBool, ggufString, ggufUint } from './gguf-writer.js'
import { configuredEndTokens, readJsonIfThere, tokenContent } from './tokenizer-json.js'
import { chatTemplateSource, loadTokenizer } from './tokenizer.js'
import { turnEndToken } from './turn-end.js'

type Json = Record<string, unknown>

export interface GgufTokenizer {
  metadata: Map<string, GgufValue>
  /** In which rare texts llama.cpp will cut tokens otherwise; null where it cuts the same. */
  note: string | null
}

/** Kinds of tokens, by their numbers in GGUF. */
const TOKEN_TYPES = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const

/** @param vocabSize rows of the embedding; ids that the tokenizer does not use get names of their own */
export function ggufTokenizer(folder: string, vocabSize: number): GgufTokenizer {
  const path = join(folder, 'tokenizer.json')
  const tokenizer = readJsonIfThere(path)
  const config = readJsonIfThere(join(folder, 'tokenizer_config.json'))
  const model = record(tokenizer['model'])
  if (model['type'] !== 'BPE') throw invalid(path, `model.type is ${JSON.stringify(model['type'])}; only "BPE" can be written as GGUF`)
  const added = list(tokenizer['added_tokens']).map(record)
  const vocabulary = readVocabulary(path, { vocab: record(model['vocab']), added, vocabSize })
  const merges = list(model['merges']).map((merge) => mergePair(path, merge))
  const isSentencePiece = model['byte_fallback'] === true
  const { fields, note } = isSentencePiece ? sentencePieceFields(tokenizer, vocabulary, { merges, unknown: model['unk_token'] }) : byteLevelFields(path, tokenizer, { vocabulary, merges })
  const metadata = new Map<string, GgufValue>([...fields, ...specialFields(folder, { tokenizer, config, vocabulary })])
  const template = chatTemplateSource(folder, config)
  if (template !== undefined) metadata.set('tokenizer.chat_template', ggufString(template))
  return { metadata, note }
}

interface Vocabulary {
  /** By id. */
  tokens: string[]
  types: number[]
  idOf: Map<string, number>
}

function readVocabulary(path: string, { vocab, added, vocabSize }: { vocab: Json; added: Json[]; vocabSize: number }): Vocabulary {
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`)
  const types: number[] = tokens.map(() => TOKEN_TYPES.unused)
  const idOf = new Map<string, number>()
  const put = (text: string, id: unknown, type: number): void => {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= vocabSize) throw invalid(path, `token ${JSON.stringify(text)} has the id ${JSON.stringify(id)}; the model has ids 0 to ${vocabSize - 1}`)
    tokens[id] = text
    types[id] = type
    idOf.set(text, id)
  }
  for (const [text, id] of Object.entries(vocab)) put(text, id, TOKEN_TYPES.normal)
  for (const { content, id, special } of added) put(String(content), id, special === true ? TOKEN_TYPES.control : TOKEN_TYPES.userDefined)
  return { tokens, types, idOf }
}

/** "a b", or ["a", "b"] in newer files. */
function mergePair(path: string, merge: unknown): [string, string] {
  const parts = typeof merge === 'string' ? [merge.slice(0, merge.indexOf(' ', 1)), merge.slice(merge.indexOf(' ', 1) + 1)] : merge
  if (!Array.isArray(parts) || parts.length !== 2 || !parts.every((part) => typeof part === 'string' && part !== '')) throw invalid(path, `has the merge ${JSON.stringify(merge)}; it must be two token texts`)
  return [String(parts[0]), String(parts[1])]
}

interface Fields {
  fields: [string, GgufValue][]
  note: string | null
}

const strings = (value: string[]): GgufValue => ({ type: 'array', of: 'string', value })
const integers = (value: number[]): GgufValue => ({ type: 'array', of: 'i32', value })

/** Byte-level BPE (GPT-2's alphabet), "gpt2" in GGUF. */
function byteLevelFields(path: string, tokenizer: Json, { vocabulary, merges }: { vocabulary: Vocabulary; merges: [string, string][] }): Fields {
  const { name, note } = preTokenizerName(path, tokenizer)
  return {
    fields: [
      ['tokenizer.ggml.model', ggufString('gpt2')],
      ['tokenizer.ggml.pre', ggufString(name)],
      ['tokenizer.ggml.tokens', strings(vocabulary.tokens)],
      ['tokenizer.ggml.token_type', integers(vocabulary.types)],
      ['tokenizer.ggml.merges', strings(merges.map((pair) => pair.map((part) => part.replaceAll(' ', 'Ġ')).join(' ')))],
    ],
    note,
  }
}

/**
 * SentencePiece's BPE, "llama" in GGUF. It merges the neighbours whose joint text has the highest score; tokenizer.json
 * has the order of merges instead, and minus the place of a text's first merge is such a score.
 */
function sentencePieceFields(tokenizer: Json, { tokens, types, idOf }: Vocabulary, { merges, unknown }: { merges: [string, string][]; unknown: unknown }): Fields {
  const scores = tokens.map((_, id) => -(merges.length + id))
  const ranked = new Set<number>()
  for (const [rank, pair] of merges.entries()) {
    const id = idOf.get(pair.join(''))
    if (id === undefined || ranked.has(id)) continue
    ranked.add(id)
    scores[id] = -rank
  }
  const kinds = types.map((type, id) => {
    if (tokens[id] === unknown) return TOKEN_TYPES.unknown
    return type === TOKEN_TYPES.normal && /^<0x[0-9A-F]{2}>$/.test(tokens[id] ?? '') ? TOKEN_TYPES.byte : type
  })
  return {
    fields: [
      ['tokenizer.ggml.model', ggufString('llama')],
      ['tokenizer.ggml.pre', ggufString('default')],
      ['tokenizer.ggml.tokens', strings(tokens)],
      ['tokenizer.ggml.scores', { type: 'array', of: 'f32', value: scores }],
      ['tokenizer.ggml.token_type', integers(kinds)],
      ['tokenizer.ggml.add_space_prefix', ggufBool(prependsSpace(tokenizer))],
    ],
    note: null,
  }
}

function prependsSpace(tokenizer: Json): boolean {
  const steps = [...flatten(tokenizer['normalizer'], 'normalizers'), ...flatten(tokenizer['pre_tokenizer'], 'pretokenizers')]
  return steps.some(({ type, prepend_scheme: scheme, add_prefix_space: addsSpace }) => type === 'Prepend' || (type === 'Metaspace' && (scheme === undefined ? addsSpace !== false : scheme !== 'never')))
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
const QWEN2 = PRE_TOKEN_PATTERN.replace('\\p{N}{1,3}', '\\p{N}')

/** Rules that llama.cpp has, by the regular expression that cuts the text. */
const RULES_BY_PATTERN: Readonly<Record<string, { name: string; nameIgnoringMerges?: string; note?: string }>> = {
  [CONTRACTIONS + PRE_TOKEN_PATTERN]: { name: 'dbrx', nameIgnoringMerges: 'llama-bpe' },
  [CONTRACTIONS + QWEN2]: { name: 'qwen2' },
  // llama.cpp has this rule with the English contractions only; they matter where a longer word follows an apostrophe.
  [PRE_TOKEN_PATTERN]: { name: 'dbrx', note: "llama.cpp cuts a word that follows an apostrophe after a leading s, t, m, d, re, ve or ll, as in 'tis; the model was trained without that" },
}

function preTokenizerName(path: string, tokenizer: Json): { name: string; note: string | null } {
  const steps = flatten(tokenizer['pre_tokenizer'], 'pretokenizers')
  const [bytes] = steps.splice(steps.findIndex(({ type }) => type === 'ByteLevel'), 1)
  if (bytes?.['type'] !== 'ByteLevel') throw invalid(path, `pre_tokenizer is ${JSON.stringify(tokenizer['pre_tokenizer'])}; only byte-level BPE and SentencePiece BPE with byte fallback can be written as GGUF`)
  if (bytes['add_prefix_space'] === true) throw invalid(path, 'pre_tokenizer has add_prefix_space, which llama.cpp has only for SentencePiece')
  const ignoresMerges = record(tokenizer['model'])['ignore_merges'] === true
  const [step, ...more] = steps
  if (bytes['use_regex'] !== false && more.length === 0) {
    if (step === undefined) return { name: 'gpt-2', note: null }
    if (step['type'] === 'Digits' && step['individual_digits'] === true) return { name: 'smollm', note: null }
  }
  const pattern = record(step?.['pattern'])['Regex']
  const rule = step?.['type'] === 'Split' && bytes['use_regex'] === false && more.length === 0 && typeof pattern === 'string' ? RULES_BY_PATTERN[pattern] : undefined
  if (rule === undefined) throw invalid(path, `pre_tokenizer is ${JSON.stringify(tokenizer['pre_tokenizer'])}, which is none of the rules of llama.cpp known here (GPT-2, Llama 3, Qwen 2, SmolLM); the model cannot be written as GGUF with its tokenizer`)
  return { name: (ignoresMerges ? rule.nameIgnoringMerges : undefined) ?? rule.name, note: rule.note ?? null }
}

function specialFields(folder: string, { tokenizer, config, vocabulary }: { tokenizer: Json; config: Json; vocabulary: Vocabulary }): [string, GgufValue][] {
  const fields: [string, GgufValue][] = []
  const idOf = (name: string): number | undefined => vocabulary.idOf.get(tokenContent(config[name]) ?? '')
  const [bos, eos] = [idOf('bos_token'), idOf('eos_token')]
  const put = (name: string, id: number | undefined): unknown => id !== undefined && fields.push([`tokenizer.ggml.${name}_token_id`, ggufUint(id)])
  put('bos', bos)
  put('eos', eos)
  put('unknown', idOf('unk_token'))
  put('padding', idOf('pad_token'))
  // A model may end a turn by other tokens than a text; llama.cpp has room for two more.
  const ends = [turnEndToken(loadTokenizer(folder)), ...configuredEndTokens(folder)]
  const [turn, message] = new Set(ends.filter((id): id is number => id !== undefined && id !== eos && id < vocabulary.tokens.length))
  put('eot', turn)
  put('eom', message)
  const template = flatten(tokenizer['post_processor'], 'processors').find(({ type }) => type === 'TemplateProcessing')
  const single = list(template?.['single']).map((part) => record(record(part)['SpecialToken'])['id'])
  const adds = (place: number, id: number | undefined): boolean => id !== undefined && vocabulary.idOf.get(String(single.at(place))) === id
  fields.push(['tokenizer.ggml.add_bos_token', ggufBool(adds(0, bos))])
  fields.push(['tokenizer.ggml.add_eos_token', ggufBool(single.length > 1 && adds(-1, eos))])
  return fields
}

/** The steps of a component that may be a sequence of steps. */
function flatten(component: unknown, inner: string): Json[] {
  const value = record(component)
  if (value['type'] === undefined) return []
  return value['type'] === 'Sequence' ? list(value[inner]).flatMap((step) => flatten(step, inner)) : [value]
}

function record(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
}

function invalid(path: string, problem: string): EngineError {
  return new EngineError('tokenizer_invalid', `${path}: ${problem}`, { path })
}
