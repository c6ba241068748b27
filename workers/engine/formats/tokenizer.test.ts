import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { byteAlphabet, trainBpe } from './bpe.js'
import { StreamDecoder } from './stream-decoder.js'
import { loadTokenizer, type Tokenizer } from './tokenizer.js'
import { SPECIAL_TOKENS, writeTokenizerFiles } from './tokenizer-files.js'

const TEXT = 'O pato pateta pintou o caneco. Em 1999, a ação não coube no coração da nação.\n\n"Não!", disse ela.\n'
const HARD = ['Olá, você! Açúcar — coração.', '👩‍👩‍👧 🇧🇷 🙂 naïve 日本語', '  \t x\r\n\n y  ', '12345 1.000,50', '', ' ', "don't DON'T", '\u0000\u00ff']

let folder = ''
let tokenizer: Tokenizer
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tokenizer-'))
  writeTokenizerFiles(folder, trainBpe([TEXT, TEXT], { vocabSize: 300, specialTokens: SPECIAL_TOKENS }), { contextLength: 512 })
  tokenizer = loadTokenizer(folder)
})
afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

describe('byte-level BPE', () => {
  it('has a byte alphabet of 256 distinct characters', () => {
    const alphabet = byteAlphabet()
    expect(new Set(alphabet).size).toBe(256)
    expect([alphabet[32], alphabet[10], alphabet[65], alphabet[255]]).toEqual(['Ġ', 'Ċ', 'A', 'ÿ'])
  })

  it('merges the most frequent pair first, the lower ids on ties', () => {
    // ab and ba: ab 6 times, then (ab,ab) 3 times. Worked by hand.
    const { merges, tokens } = trainBpe(['abab abab abab'], { vocabSize: 259, specialTokens: ['<s>'] })
    expect(merges).toEqual([['a', 'b'], ['ab', 'ab']])
    expect(tokens.slice(-2)).toEqual(['ab', 'abab'])
    const tied = trainBpe(['cd', 'ab', 'cd', 'ab'], { vocabSize: 258, specialTokens: ['<s>'] })
    expect(tied.merges).toEqual([['a', 'b']])
  })

  it('gives one id to a token reached by two different merges', () => {
    const { tokens } = trainBpe([TEXT.repeat(3)], { vocabSize: 420, specialTokens: [] })
    expect(new Set(tokens).size).toBe(tokens.length)
  })

  it('stops where no pair repeats, and refuses a vocabulary without room for the bytes', () => {
    expect(trainBpe(['abc'], { vocabSize: 1000, specialTokens: [] }).tokens.length).toBe(256)
    expect(() => trainBpe(['abc'], { vocabSize: 260, specialTokens: SPECIAL_TOKENS })).toThrow(/vocabSize is 260/)
  })
})

describe('tokenizer', () => {
  it('gives every text back exactly', () => {
    for (const text of [TEXT, ...HARD]) {
      expect(tokenizer.decode(tokenizer.encode(text), { skipSpecialTokens: true })).toBe(text)
    }
  })

  it('agrees with merging by hand over the trained merges', () => {
    expect(tokenizer.vocabSize).toBe(300)
    expect(tokenizer.encode('').length).toBe(1)
    expect(tokenizer.encode('o', { addSpecialTokens: false })).toEqual([SPECIAL_TOKENS.length + 'o'.charCodeAt(0)])
    expect(tokenizer.encode(TEXT).length).toBeLessThan(Buffer.byteLength(TEXT))
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.padTokenId]).toEqual([0, 0, 4])
  })

  it('renders conversations and refuses unknown roles', () => {
    const messages = [{ role: 'system', content: 'S' }, { role: 'user', content: 'oi' }]
    expect(tokenizer.applyChatTemplate(messages, { addGenerationPrompt: true })).toBe('<|endoftext|>S<|user|>oi<|end|><|assistant|>')
    expect(() => tokenizer.applyChatTemplate([{ role: 'tool', content: '' }])).toThrow(/refused the messages.*tool/)
  })

  it('refuses a tokenizer with ids beyond the model', () => {
    const path = join(folder, 'config.json')
    writeFileSync(path, JSON.stringify({ vocab_size: 299 }))
    expect(() => loadTokenizer(folder)).toThrow(/ids up to 299.*vocab_size 299/)
    rmSync(path)
    expect(() => loadTokenizer(join(folder, 'none'))).toThrow(/is not there/)
  })

  it('writes the same files for the same text', () => {
    const again = mkdtempSync(join(folder, 'again-'))
    writeTokenizerFiles(again, trainBpe([TEXT, TEXT], { vocabSize: 300, specialTokens: SPECIAL_TOKENS }), { contextLength: 512 })
    expect(readFileSync(join(again, 'tokenizer.json'), 'utf8')).toBe(readFileSync(join(folder, 'tokenizer.json'), 'utf8'))
  })
})

describe('StreamDecoder', () => {
  it('gives out whole characters only, and the broken rest at the end', () => {
    const text = 'Olá 👩‍👩‍👧, ação!'
    const stream = new StreamDecoder(tokenizer, tokenizer.encode('Oi. '))
    const pieces = tokenizer.encode(text, { addSpecialTokens: false }).map((id) => stream.push(id))
    expect(pieces.join('')).toBe(text)
    expect(pieces.filter((piece) => piece.includes('\ufffd'))).toEqual([])
    expect([stream.push(SPECIAL_TOKENS.length + 0xc3), stream.flush(), stream.flush()]).toEqual(['', '\ufffd', ''])
  })
})
