// Imported configs against promptfoo itself: pass, score and named scores of assertions, and prompts as they are rendered; promptfoo.mjs made the file.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Template } from '@huggingface/jinja'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { convertPromptfoo } from '../../experiments/interchange/promptfoo/convert.js'
import type { Item } from '../../experiments/interchange/promptfoo/items.js'
import type { NamedPrompt } from '../../server/contracts/index.js'
import type { VectorMeasure } from '../../workers/scorers/assertions/check.js'
import { ItemAssertions, type ItemVerdict } from '../../workers/scorers/assertions/item-assertions.js'

const golden = z
  .object({
    version: z.string(),
    assertions: z.object({ config: z.unknown(), results: z.array(z.strictObject({ pass: z.boolean(), score: z.number(), named: z.record(z.string(), z.number()) })) }),
    endings: z.object({ config: z.unknown(), results: z.array(z.strictObject({ pass: z.boolean(), score: z.number() })) }),
    templates: z.object({ config: z.unknown(), rendered: z.array(z.string()) }),
  })
  .parse(JSON.parse(readFileSync(new URL('promptfoo.json', import.meta.url), 'utf8')))

function imported(config: unknown, model?: string): { items: Item[]; prompts: NamedPrompt[] } {
  const folder = mkdtempSync(join(tmpdir(), 'bancada-golden-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  // promptfoo judged by a program, which is not imported: another stands in its place.
  const { files } = convertPromptfoo(join(folder, 'config.json'), { env: {}, skipUnsupported: false, grader: 'nano-pt-en', embedder: 'use-lite-en', moderator: 'openai:moderation:m', ...(model === undefined ? {} : { model }) })
  const [items, experiment] = ['.jsonl', '.yaml'].map((ending) => files.findLast(({ path }) => path.endsWith(ending))?.text ?? '')
  const spec = parse(experiment ?? '') as { axes: { prompt?: NamedPrompt[] }; fixed: { prompt: NamedPrompt } }
  return { items: (items ?? '').trim().split('\n').map((line) => JSON.parse(line) as Item), prompts: spec.axes.prompt ?? [spec.fixed.prompt] }
}

const part = (text: string, name: string): string => Buffer.from(new RegExp(`${name}:([A-Za-z0-9+/=]+)`).exec(text)?.[1] ?? '', 'base64').toString()

/** Letters counted, as the program did that gave promptfoo its vectors. */
function measureOfLetters(left: string, right: string, how: VectorMeasure): number {
  const [one, other] = [left, right].map((text) => Array.from({ length: 26 }, (_, letter) => text.toLowerCase().split(String.fromCharCode(97 + letter)).length - 1))
  const dot = (a: readonly number[] = [], b: readonly number[] = []): number => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0)
  if (how === 'dot') return dot(one, other)
  if (how === 'euclidean') return Math.sqrt(dot(one, one) + dot(other, other) - 2 * dot(one, other))
  return dot(one, other) / Math.sqrt(dot(one, one) * dot(other, other))
}

/** The judge replies what the assertion's value tells it to, as it did to promptfoo. */
function judged(item: Item): Promise<ItemVerdict> {
  const output = String(item['answer'])
  const scored = { answer: output, output, target: '', item, language: 'en', latencyMs: null, ttftMs: null, costUsd: null, tokensOut: null, finishReason: typeof item['reason'] === 'string' ? item['reason'] : null }
  return ItemAssertions.of(item, 'assertions').judge({
    output,
    value: output,
    scored,
    question: output,
    judge: (_grader, _given, messages) => {
      const text = messages.map(({ content }) => content).join('\n')
      return Promise.resolve(part(text, 'REPLY') || part(text, 'NLI') || part(text, 'LONG') || part(text, text.includes('ANSWER') ? 'SCORE' : 'STEPS'))
    },
    similarity: (_embedder, left, right, how) => Promise.resolve(measureOfLetters(left, right, how)),
    moderate: (_moderator, text) => Promise.resolve(new Map((/FLAGS:([a-z,]+)/.exec(text)?.[1]?.split(',') ?? []).map((category) => [category, 0.9]))),
    meanLogLikelihood: () => Promise.reject(new Error('no likelihoods here')),
  })
}

describe(`promptfoo ${golden.version}`, () => {
  it('passes and scores answers alike', async () => {
    const { items } = imported(golden.assertions.config)
    expect(items).toHaveLength(golden.assertions.results.length)
    for (const [index, { pass, score, named }] of golden.assertions.results.entries()) {
      const item = items[index]
      if (item === undefined) throw new Error('an item is missing')
      const verdict = await judged(item)
      const shown = JSON.stringify(item.assertions.assert).slice(0, 200)
      expect([verdict.pass, verdict.score, Object.keys(named).length], shown).toEqual([Number(pass), expect.closeTo(score, 12), verdict.named.size])
      for (const [metric, mean] of Object.entries(named)) expect(verdict.named.get(metric), `${shown}: ${metric}`).toBeCloseTo(mean, 12)
    }
  })

  it('tells alike why an answer ended', async () => {
    const { items } = imported(golden.endings.config, 'nano-pt-en')
    const verdicts = await Promise.all(items.map(judged))
    expect(verdicts.map(({ pass, score }) => ({ pass: pass === 1, score }))).toEqual(golden.endings.results)
  })

  it('renders prompts alike, to the last space', () => {
    const { items: [item], prompts } = imported(golden.templates.config)
    expect(prompts.map(({ template }) => new Template(template ?? '').render({ ...item }))).toEqual(golden.templates.rendered)
  })
})
