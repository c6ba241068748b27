import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { EngineError } from '../engine-error.js'
import { configuredEndTokens } from './tokenizer-json.js'
import { loadTokenizer } from './tokenizer.js'

const root = mkdtempSync(join(tmpdir(), 'tokenizer-json-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const plain = {
  added_tokens: [{ id: 4, content: '<s>', special: true }, { id: 5, content: '</s>', special: true }],
  normalizer: null, pre_tokenizer: null, post_processor: null, decoder: { type: 'Fuse' },
  model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, '?': 3 }, merges: [['a', 'b']], unk_token: '?' },
}
let folders = 0
function write(tokenizer: unknown, files: Record<string, unknown> = {}): string {
  const folder = join(root, String(folders++))
  mkdirSync(folder)
  for (const [name, content] of Object.entries({ ...(tokenizer === null ? {} : { 'tokenizer.json': tokenizer }), ...files })) {
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content))
  }
  return folder
}

describe('a tokenizer folder', () => {
  it('gives the ids of the file, and nothing for ids no token has', () => {
    const tokenizer = loadTokenizer(write(plain))
    expect(tokenizer.encode('abba<s>x')).toEqual([2, 1, 0, 4, 3])
    expect(tokenizer.decode([2, 900, 1])).toBe('abb')
    expect(tokenizer.decode([900])).toBe('')
    expect(tokenizer.vocabSize).toBe(6)
  })

  it.each<[string, Record<string, unknown>, number[]]>([
    ['BOS where the Llama classes say nothing', { tokenizer_class: 'LlamaTokenizer' }, [4, 2]],
    ['no BOS where it is turned off', { tokenizer_class: 'LlamaTokenizerFast', add_bos_token: false }, [2]],
    ['EOS where it is turned on', { tokenizer_class: 'LlamaTokenizerFast', add_eos_token: true }, [4, 2, 5]],
    ['what the file says in other classes', { tokenizer_class: 'PreTrainedTokenizerFast', add_bos_token: true }, [2]],
  ])('adds %s', (_, config, ids) => {
    const tokenizer = loadTokenizer(write(plain, { 'tokenizer_config.json': { bos_token: '<s>', eos_token: { content: '</s>' }, ...config } }))
    expect(tokenizer.encode('ab')).toEqual(ids)
    expect(tokenizer.encode('ab', { addSpecialTokens: false })).toEqual([2])
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.padTokenId]).toEqual([4, 5, undefined])
  })

  it('takes special tokens from special_tokens_map.json where the config names none', () => {
    const tokenizer = loadTokenizer(write(plain, { 'special_tokens_map.json': { bos_token: '<s>', eos_token: '</s>' } }))
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId]).toEqual([4, 5])
  })

  it.each<[string, unknown, RegExp]>([
    ['no file', null, /tokenizer.json is not there; the folder needs/],
    ['an id of four billion', { ...plain, added_tokens: [{ id: 4_294_967_290, content: 'x' }] }, /added_tokens\[0\].id is 4294967290; an id is a whole number from 0/],
    ['an id that is a text', { ...plain, model: { ...plain.model, vocab: { a: '0' } } }, /model.vocab\["a"\] is "0"/],
    ['merges that are no pairs', { ...plain, model: { ...plain.model, merges: [['a', 'b'], ['c']] } }, /model.merges\[1\] is \["c"\]; it must be a pair/],
    ['no vocabulary', { ...plain, model: { type: 'BPE', merges: [] } }, /model.vocab is undefined/],
    ['an empty vocabulary', { ...plain, model: { ...plain.model, vocab: {} } }, /model.vocab is empty/],
    ['an added token without text', { ...plain, added_tokens: [{ id: 4, content: '' }] }, /added_tokens\[0\] is .*must have a text "content"/],
    ['an unknown decoder', { ...plain, decoder: { type: 'Nope' } }, /cannot be used: .*Nope/],
    ['a list', [], /must hold a JSON object/],
  ])('is refused with %s', (_, tokenizer, message) => {
    const folder = write(tokenizer)
    expect(() => loadTokenizer(folder)).toThrow(message)
    expect(() => loadTokenizer(folder)).toThrow(EngineError)
  })

  it('says how to convert a SentencePiece model', () => {
    expect(() => loadTokenizer(write(null, { 'tokenizer.model': 'x' }))).toThrow(/it holds tokenizer.model, which is not read.*save_pretrained/)
  })

  it('refuses a text that becomes a token without an id', () => {
    const template = { type: 'TemplateProcessing', single: [{ SpecialToken: { id: '<bos>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }], pair: [], special_tokens: {} }
    const { unk_token: _, ...model } = plain.model
    expect(() => loadTokenizer(write({ ...plain, model, post_processor: template })).encode('a')).toThrow(/makes the token "<bos>" of a text, which its vocabulary lacks/)
  })
})

describe('configured end tokens', () => {
  it('are one id or several, of both files', () => {
    const folder = write(null, { 'config.json': { eos_token_id: 2 }, 'generation_config.json': { eos_token_id: [128001, 128008, 128009] } })
    expect(configuredEndTokens(folder)).toEqual([2, 128001, 128008, 128009])
    expect(configuredEndTokens(write(null, { 'config.json': { eos_token_id: null } }))).toEqual([])
    expect(() => configuredEndTokens(write(null, { 'config.json': { eos_token_id: ['</s>'] } }))).toThrow(/config.json: eos_token_id is "<\/s>"/)
    expect(() => configuredEndTokens(write(null, { 'generation_config.json': '{' }))).toThrow(/generation_config.json: cannot be read as JSON/)
  })
})
