import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trainBpe } from './bpe.js'
import { encodeSupervised, encodeText, showLearned, type LossOn } from './supervised.js'
import { loadTokenizer, type Tokenizer } from './tokenizer.js'
import { SPECIAL_TOKENS, writeTokenizerFiles } from './tokenizer-files.js'
import { turnEndToken } from './turn-end.js'

const TEXT = 'O pato pateta pintou o caneco. Em 1999, a ação não coube no coração da nação.\n\n"Não!", disse ela.\n'
const EOS = 0

let folder = ''
let tokenizer: Tokenizer
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'supervised-'))
  writeTokenizerFiles(folder, trainBpe([TEXT, TEXT], { vocabSize: 300, specialTokens: SPECIAL_TOKENS }), { contextLength: 512 })
  tokenizer = loadTokenizer(folder)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The same tokenizer with another chat template. */
function withTemplate(template: string): Tokenizer {
  const path = join(folder, 'tokenizer_config.json')
  const before = readFileSync(path, 'utf8')
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(before) as object), chat_template: template }))
  const loaded = loadTokenizer(folder)
  writeFileSync(path, before)
  return loaded
}

const masked = (count: number): number[] => Array.from({ length: count }, () => -100)
const user = (content: string): { role: string; content: string } => ({ role: 'user', content })
const assistant = (content: string): { role: string; content: string } => ({ role: 'assistant', content })
const talk = [user('o'), assistant('a'), user('e'), assistant('b')]

describe('a prompt and its completion', () => {
  it('masks the prompt and ends the completion with EOS', () => {
    const promptLength = tokenizer.encode('ação:').length
    const { tokens, labels, ...rest } = encodeSupervised(tokenizer, { prompt: 'ação:', completion: ' não' }, { maxLength: 100 })
    expect(labels).toEqual([...masked(promptLength), ...tokens.slice(promptLength)])
    expect(tokenizer.decode(tokens.slice(promptLength, -1))).toBe(' não')
    expect(tokens.at(-1)).toBe(EOS)
    expect(rest).toEqual({ supervisedTokens: tokens.length - promptLength, isTruncated: false, learnsEnd: true })
  })

  it('does not end it twice, and ends an empty one', () => {
    const plain = encodeSupervised(tokenizer, { prompt: 'ação:', completion: ' não' }, { maxLength: 100 })
    expect(encodeSupervised(tokenizer, { prompt: 'ação:', completion: ' não<|endoftext|>' }, { maxLength: 100 })).toEqual(plain)
    expect(encodeSupervised(tokenizer, { prompt: 'a', completion: '' }, { maxLength: 100 }).labels.filter((label) => label !== -100)).toEqual([EOS])
  })

  it('tokenizes the two apart where joining would change the prompt', () => {
    const { tokens } = encodeSupervised(tokenizer, { prompt: 'coraç', completion: 'ão' }, { maxLength: 100 })
    const prompt = tokenizer.encode('coraç')
    expect(tokens.slice(0, prompt.length)).toEqual(prompt)
    expect(tokenizer.decode(tokens, { skipSpecialTokens: true })).toBe('coração')
  })

  it('learns all of it where told so, and has no turns', () => {
    const { tokens, labels } = encodeSupervised(tokenizer, { prompt: 'ação:', completion: ' não' }, { maxLength: 100, lossOn: 'all' })
    expect(labels).toEqual(tokens)
    expect(() => encodeSupervised(tokenizer, { prompt: 'a', completion: 'b' }, { maxLength: 9, lossOn: 'assistant' })).toThrow('a prompt with its completion has no turns')
  })
})

describe('truncation', () => {
  const record = { prompt: 'O pato pateta pintou', completion: ' o caneco' }
  it('keeps the start: an answer that is cut away teaches nothing, and one that is cut off does not teach to stop', () => {
    const whole = encodeSupervised(tokenizer, record, { maxLength: 100 })
    const gone = encodeSupervised(tokenizer, record, { maxLength: 3 })
    expect(gone).toMatchObject({ supervisedTokens: 0, isTruncated: true, learnsEnd: false })
    const cut = encodeSupervised(tokenizer, record, { maxLength: whole.tokens.length - 1 })
    expect(cut).toMatchObject({ tokens: whole.tokens.slice(0, -1), labels: whole.labels.slice(0, -1), isTruncated: true, learnsEnd: false })
  })

  it('keeps the end where told so', () => {
    const whole = encodeSupervised(tokenizer, record, { maxLength: 100 })
    const cut = encodeSupervised(tokenizer, record, { maxLength: 5, keep: 'end' })
    expect(cut).toMatchObject({ tokens: whole.tokens.slice(-5), labels: whole.labels.slice(-5), isTruncated: true, learnsEnd: true })
  })
})

describe('a conversation', () => {
  const learned = (of: Tokenizer, lossOn: LossOn, record: Parameters<typeof encodeSupervised>[1] = { messages: talk }): string =>
    showLearned(of, encodeSupervised(of, record, { maxLength: 200, lossOn }))

  it('learns every assistant turn, the last answer, or all of it', () => {
    const [first, last] = ['<|endoftext|><|user|>o<|end|><|assistant|>', '<|user|>e<|end|><|assistant|>']
    expect(learned(tokenizer, 'auto')).toBe(`${first}⟦a<|end|>⟧${last}⟦b<|end|>⟧`)
    expect(learned(tokenizer, 'assistant')).toBe(`${first}⟦a<|end|>⟧${last}⟦b<|end|>⟧`)
    expect(learned(tokenizer, 'completion')).toBe(`${first}a<|end|>${last}⟦b<|end|>⟧`)
    expect(learned(tokenizer, 'completion', { messages: talk, promptMessages: 1 })).toBe(`${first}⟦a<|end|>${last}b<|end|>⟧`)
    expect(learned(tokenizer, 'all')).toBe(`⟦${first}a<|end|>${last}b<|end|>⟧`)
    expect(encodeSupervised(tokenizer, { messages: talk }, { maxLength: 200 })).toMatchObject({ learnsEnd: true, isTruncated: false })
  })

  it('gets no EOS besides what the template writes', () => {
    expect(encodeSupervised(tokenizer, { messages: talk }, { maxLength: 200 }).tokens.at(-1)).toBe(SPECIAL_TOKENS.indexOf('<|end|>'))
  })

  it('follows ChatML, whose turns end in a line break and which has a system message of its own', () => {
    const chatml = withTemplate(
      "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nS<|im_end|>\\n' }}{% endif %}{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
    )
    expect(learned(chatml, 'assistant')).toBe('<|im_start|>system\nS<|im_end|>\n<|im_start|>user\no<|im_end|>\n<|im_start|>assistant\n⟦a<|im_end|>\n⟧<|im_start|>user\ne<|im_end|>\n<|im_start|>assistant\n⟦b<|im_end|>\n⟧')
    expect(learned(chatml, 'completion', { messages: [{ role: 'system', content: 'T' }, ...talk.slice(0, 2)] })).toBe('<|im_start|>system\nT<|im_end|>\n<|im_start|>user\no<|im_end|>\n<|im_start|>assistant\n⟦a<|im_end|>\n⟧')
  })

  it('follows templates that trim the answer, put EOS behind each, or behind the last message only', () => {
    const trimming = withTemplate("{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + m['content'] + ' [/INST]' }}{% else %}{{ ' ' + m['content'] | trim + eos_token }}{% endif %}{% endfor %}")
    expect(learned(trimming, 'assistant', { messages: [user('o'), assistant('  a '), user('e'), assistant('b')] })).toBe('[INST] o [/INST]⟦ a<|endoftext|>⟧[INST] e [/INST]⟦ b<|endoftext|>⟧')
    const closing = withTemplate("{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}")
    expect(learned(closing, 'assistant')).toBe('<|user|>o<|end|><|assistant|>⟦a<|end|>⟧<|user|>e<|end|><|assistant|>⟦b<|end|><|endoftext|>⟧')
  })

  it('needs no generation tag, and takes a template that has one', () => {
    const tagged = withTemplate("{% for m in messages %}{{ '<|' + m['role'] + '|>' }}{% generation %}{{ m['content'] + '<|end|>' }}{% endgeneration %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}")
    expect(learned(tagged, 'completion')).toBe('<|user|>o<|end|><|assistant|>a<|end|><|user|>e<|end|><|assistant|>⟦b<|end|>⟧')
  })

  it('tokenizes the answer apart where it would melt into its prompt', () => {
    const bare = withTemplate("{% for m in messages %}{{ m['content'] }}{% endfor %}{{ eos_token if not add_generation_prompt }}")
    const { tokens } = encodeSupervised(bare, { messages: [user('coraç'), assistant('ão')] }, { maxLength: 50 })
    const prompt = bare.encode('coraç', { addSpecialTokens: false })
    expect(tokens.slice(0, prompt.length)).toEqual(prompt)
    expect(learned(bare, 'auto', { messages: [user('coraç'), assistant('ão')] })).toBe('coraç⟦ão<|endoftext|>⟧')
  })

  it('says when the template writes nothing after an answer', () => {
    const endless = withTemplate("{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}{{ 'assistant: ' if add_generation_prompt }}")
    expect(encodeSupervised(endless, { messages: talk }, { maxLength: 200 })).toMatchObject({ learnsEnd: false, isTruncated: false })
  })

  it('refuses a template that forgets earlier answers, and a conversation without one', () => {
    const forgetful = withTemplate("{% for m in messages %}{{ '<|' + m['role'] + '|>' + (m['content'] if loop.last or m['role'] == 'user' else '…') }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}")
    expect(() => encodeSupervised(forgetful, { messages: talk }, { maxLength: 99 })).toThrow('renders message 2 differently when later messages follow')
    expect(learned(forgetful, 'completion')).toBe('<|user|>o<|assistant|>…<|user|>e<|assistant|>⟦b⟧')
    expect(() => encodeSupervised(tokenizer, { messages: [user('oi')] }, { maxLength: 9 })).toThrow(/needs an assistant message; it has roles user/)
  })
})

describe('the end of a turn', () => {
  it('is the special token behind an answer, where the template has one', () => {
    expect(turnEndToken(tokenizer)).toBe(SPECIAL_TOKENS.indexOf('<|end|>'))
    expect(turnEndToken(withTemplate("{% for m in messages %}{{ m['content'] + '\\n' + eos_token }}{% endfor %}"))).toBe(EOS)
    expect(turnEndToken(withTemplate("{% for m in messages %}{{ m['content'] + '\\n' }}{% endfor %}"))).toBeUndefined()
    expect(turnEndToken(withTemplate("{{ raise_exception('no') }}"))).toBeUndefined()
  })
})

describe('a text', () => {
  it('is learned whole, each token once, in pieces where it is long', () => {
    const tokens = [...tokenizer.encode(TEXT), EOS]
    expect(encodeText(tokenizer, TEXT, 512)).toEqual([tokens])
    const pieces = encodeText(tokenizer, TEXT, 8)
    expect(pieces.every((piece) => piece.length <= 8 && piece.length > 1)).toBe(true)
    expect(pieces.flatMap((piece, index) => (index === 0 ? piece : piece.slice(1)))).toEqual(tokens)
    expect(pieces.slice(1).every((piece, index) => piece[0] === pieces[index]?.at(-1))).toBe(true)
  })
})
