import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ScorersSchema } from '../../server/contracts/index.js'
import { type Given, makeScorers, type ScoredAnswer } from './named-scorers.js'

const folder = mkdtempSync(join(tmpdir(), 'bancada-scorers-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const scored: ScoredAnswer = { answer: '', output: '', target: '', item: {}, language: 'en', latencyMs: null, ttftMs: null, costUsd: null, tokensOut: null }

async function score(scorer: Record<string, unknown>, more: Partial<ScoredAnswer>): Promise<Given> {
  const made = await makeScorers(ScorersSchema.parse({ it: scorer }), folder)
  const named = made.get('it')
  if (named === undefined) throw new TypeError('no scorer was made')
  return named({ ...scored, output: more.answer ?? '', ...more })
}

describe('scorers named in the file', () => {
  test.each([
    [{ type: 'regex', pattern: '(?i)^yes\\Z' }, { answer: 'YES' }, 1],
    [{ type: 'regex', pattern: 'http', absent: true }, { answer: 'see http://x' }, 0],
    [{ type: 'contains', texts: ['Água', 'fogo'] }, { answer: 'fogo e ÁGUA' }, 1],
    [{ type: 'contains', texts: ['a', 'z'], all: false }, { answer: 'abc' }, 1],
    [{ type: 'contains', texts: ['a', 'z'] }, { answer: 'abc' }, 0],
    [{ type: 'absent', texts: ['cat'] }, { answer: 'concatenate' }, 1],
    [{ type: 'absent', texts: ['c.t', 'cat'] }, { answer: 'A Cat!' }, 0],
    [{ type: 'numeric', relative: 0.05 }, { answer: 'about 104', target: '100' }, 1],
    [{ type: 'numeric', absolute: 3 }, { answer: 'about 104', target: '100' }, 0],
    [{ type: 'numeric' }, { answer: '5', target: 'five' }, null],
    [{ type: 'json' }, { answer: '{"a": 1}' }, 1],
    [{ type: 'json' }, { answer: 'Here:\n```json\n[1, 2]\n```' }, 1],
    [{ type: 'json' }, { answer: '{a: 1}' }, 0],
    [{ type: 'json', schema: { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } } }, { answer: '{"a": 1}' }, 1],
    [{ type: 'json', schema: { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } } }, { answer: '{"a": "1"}' }, 0],
    [{ type: 'length', max: 3 }, { answer: 'one two three' }, 1],
    [{ type: 'length', unit: 'characters', min: 2, max: 3 }, { answer: 'çãé!' }, 0],
    [{ type: 'no_refusal' }, { answer: 'I cannot help with that.' }, 0],
    [{ type: 'no_personal_data', kinds: ['email'] }, { answer: 'a@b.co', output: 'a@b.co' }, 0],
    [{ type: 'at_most', of: 'latencyMs', value: 200 }, { latencyMs: 150 }, 1],
    [{ type: 'at_most', of: 'costUsd', value: 0.01 }, { costUsd: null }, null],
  ])('%j of %j is %j', async (scorer, answer, value) => {
    expect(await score(scorer, answer)).toBe(value)
  })

  test('a file of one’s own scores in TypeScript', async () => {
    writeFileSync(join(folder, 'mine.ts'), 'export default ({ answer, item }: { answer: string; item: { wanted: string } }): boolean => answer.startsWith(item.wanted)\n')
    expect(await score({ type: 'custom', file: 'mine.ts' }, { answer: 'abc', item: { wanted: 'ab' } })).toBe(1)
  })
})

describe('what cannot work is told before the run begins', () => {
  test.each([
    [{ type: 'regex', pattern: '(' }, /scorers\.it: the regular expression "\("/],
    [{ type: 'json', schema: { type: 'nonsense' } }, /scorers\.it: the JSON schema is broken/],
    [{ type: 'custom', file: 'absent.ts' }, /scorers\.it: there is no file .*absent\.ts; put it there/],
  ])('%j', async (scorer, message) => {
    await expect(score(scorer, {})).rejects.toThrow(message)
  })

  test('a custom scorer without a function, and one that gives no score', async () => {
    writeFileSync(join(folder, 'empty.mjs'), 'export const x = 1\n')
    writeFileSync(join(folder, 'seven.mjs'), 'export default () => 7\n')
    await expect(score({ type: 'custom', file: 'empty.mjs' }, {})).rejects.toThrow(/no default export/)
    await expect(score({ type: 'custom', file: 'seven.mjs' }, {})).rejects.toThrow(/gave 7; a score is a number from 0 to 1 \(bounded: false allows any\)/)
    writeFileSync(join(folder, 'none.mjs'), 'export default () => NaN\n')
    await expect(score({ type: 'custom', file: 'none.mjs', bounded: false }, {})).rejects.toThrow(/gave NaN; a score is a finite number/)
    expect(await score({ type: 'custom', file: 'seven.mjs', bounded: false, better: 'lower', unit: 'steps' }, {})).toBe(7)
  })

  test('a path that leaves the folder', () => {
    expect(ScorersSchema.safeParse({ it: { type: 'custom', file: '../x.ts' } }).success).toBe(false)
    expect(ScorersSchema.safeParse({ 'Not a name': { type: 'no_refusal' } }).success).toBe(false)
  })
})
