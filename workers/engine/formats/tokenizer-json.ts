// The files a tokenizer comes in, read and checked before anything is built from them: tokenizer.json may come from
// anywhere, and an id of four billion in it would cost as much memory as it claims.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError, shown } from '../engine-error.js'

export type Json = Record<string, unknown>

export interface TokenizerSource {
  /** tokenizer.json, with the rule for BOS and EOS that the tokenizer's class sets. */
  tokenizer: Json
  /** tokenizer_config.json. */
  config: Json
  /** Highest id + 1. */
  vocabSize: number
  /** Text of a special token ("bos_token", "eos_token", …). */
  special: (name: string) => string | undefined
}

/** Above any vocabulary there is; ids index arrays, so a larger claim is refused. */
const MAX_ID = 2 ** 24
/** Classes that write their own rule for BOS and EOS over the one in tokenizer.json (tokenization_llama_fast.py). */
const OWN_RULE = new Set(['LlamaTokenizer', 'LlamaTokenizerFast'])

/** Throws `tokenizer_invalid` naming file, field and value. */
export function readTokenizerSource(folder: string): TokenizerSource {
  const path = join(folder, 'tokenizer.json')
  if (!existsSync(path)) throw new EngineError('tokenizer_invalid', `${path} is not there; ${mendOf(folder)}`, { path })
  const json = readJson(path)
  const config = readJsonIfThere(join(folder, 'tokenizer_config.json'))
  const older = readJsonIfThere(join(folder, 'special_tokens_map.json'))
  const special = (name: string): string | undefined => tokenContent(config[name] ?? older[name])
  const vocabSize = 1 + Math.max(highestVocabularyId(path, json), highestAddedId(path, json))
  for (const part of ['normalizer', 'pre_tokenizer', 'decoder']) checkPatterns(path, part, json[part])
  const tokenizer = { ...json, added_tokens: json['added_tokens'] ?? [] }
  return { tokenizer: withOwnRule(tokenizer, { config, special }), config, vocabSize, special }
}

function mendOf(folder: string): string {
  if (!existsSync(join(folder, 'tokenizer.model'))) return "the folder needs the model's tokenizer.json"
  return 'it holds tokenizer.model, which is not read; load the tokenizer with Transformers (AutoTokenizer) and save it again with save_pretrained(folder), which writes tokenizer.json'
}

/** Vocabularies are text → id, or for Unigram a list of [text, score] in the order of ids. */
function highestVocabularyId(path: string, json: Json): number {
  const model = isRecord(json['model']) ? json['model'] : {}
  const { vocab, merges, type } = model
  if (Array.isArray(vocab)) {
    const wrong = vocab.findIndex((piece) => !Array.isArray(piece) || typeof piece[0] !== 'string' || typeof piece[1] !== 'number')
    if (wrong >= 0) throw invalid(path, `model.vocab[${wrong}] is ${shown(vocab[wrong])}; it must be [text, score]`)
    return vocab.length - 1
  }
  if (!isRecord(vocab)) throw invalid(path, `model.vocab is ${shown(vocab)}; it must be an object of text → id, or a list of [text, score]`)
  if (type === 'BPE' || merges !== undefined) checkMerges(path, merges)
  let highest = -1
  for (const [text, id] of Object.entries(vocab)) highest = Math.max(highest, checkedId(path, `model.vocab[${shown(text)}]`, id))
  if (highest < 0) throw invalid(path, 'model.vocab is empty')
  return highest
}

function checkMerges(path: string, merges: unknown): void {
  if (!Array.isArray(merges)) throw invalid(path, `model.merges is ${shown(merges)}; it must be a list of pairs`)
  const isPair = Array.isArray(merges[0])
    ? (merge: unknown): boolean => Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string')
    : (merge: unknown): boolean => typeof merge === 'string' && merge.includes(' ')
  const wrong = merges.findIndex((merge) => !isPair(merge))
  if (wrong >= 0) throw invalid(path, `model.merges[${wrong}] is ${shown(merges[wrong])}; it must be a pair of texts, written as the first one is`)
}

/** A step whose pattern is neither a text nor a regular expression would lose the text it is given. */
function checkPatterns(path: string, part: string, root: unknown): void {
  const waiting = [root]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value !== 'object' || value === null) continue
    const { pattern } = isRecord(value) ? value : {}
    const isPattern = pattern === undefined || (isRecord(pattern) && (typeof pattern['Regex'] === 'string' || typeof pattern['String'] === 'string'))
    if (!isPattern) throw invalid(path, `${part} has the pattern ${shown(pattern)}; it must be {"Regex": …} or {"String": …}`)
    waiting.push(...Object.values(value))
  }
}

function highestAddedId(path: string, json: Json): number {
  const added = json['added_tokens'] ?? []
  if (!Array.isArray(added)) throw invalid(path, `added_tokens is ${shown(added)}; it must be a list`)
  let highest = -1
  for (const [index, token] of added.entries()) {
    if (!isRecord(token) || typeof token['content'] !== 'string' || token['content'] === '') throw invalid(path, `added_tokens[${index}] is ${shown(token)}; it must have a text "content" and an "id"`)
    highest = Math.max(highest, checkedId(path, `added_tokens[${index}].id`, token['id']))
  }
  return highest
}

function checkedId(path: string, field: string, id: unknown): number {
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= MAX_ID) throw invalid(path, `${field} is ${shown(id)}; an id is a whole number from 0 to ${MAX_ID - 1}`)
  return id
}

/** `add_bos_token` (true where absent) and `add_eos_token` (false) of the Llama classes, as a template of tokenizer.json. */
function withOwnRule(tokenizer: Json, { config, special }: Pick<TokenizerSource, 'config' | 'special'>): Json {
  if (!OWN_RULE.has(String(config['tokenizer_class']))) return tokenizer
  const [bos, eos] = [config['add_bos_token'] === false ? undefined : special('bos_token'), config['add_eos_token'] === true ? special('eos_token') : undefined]
  const token = (text: string | undefined): unknown[] => (text === undefined ? [] : [{ SpecialToken: { id: text, type_id: 0 } }])
  const around = (id: string): unknown[] => [...token(bos), { Sequence: { id, type_id: 0 } }, ...token(eos)]
  return { ...tokenizer, post_processor: { type: 'TemplateProcessing', single: around('A'), pair: [...around('A'), ...around('B')], special_tokens: {} } }
}

/** Special tokens are a string, or an object with `content`. */
export function tokenContent(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return isRecord(value) && typeof value['content'] === 'string' ? value['content'] : undefined
}

/** `eos_token_id` of config.json and generation_config.json, which may be one id or several. */
export function configuredEndTokens(folder: string): number[] {
  return ['config.json', 'generation_config.json'].flatMap((file) => {
    const path = join(folder, file)
    const value = readJsonIfThere(path)['eos_token_id'] ?? []
    return (Array.isArray(value) ? value : [value]).map((id) => checkedId(path, 'eos_token_id', id))
  })
}

export function readJsonIfThere(path: string): Json {
  return existsSync(path) ? readJson(path) : {}
}

function readJson(path: string): Json {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw invalid(path, `cannot be read as JSON: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
  if (!isRecord(parsed)) throw invalid(path, 'must hold a JSON object')
  return parsed
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(path: string, problem: string, cause?: unknown): EngineError {
  return new EngineError('tokenizer_invalid', `${path}: ${problem}`, { path }, cause)
}
