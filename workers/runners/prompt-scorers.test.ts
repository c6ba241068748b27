/* Scorers of the experiment's own, in a prompt run over real endpoints on this machine. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { PromptParameters } from '../../server/contracts/index.js'
import { answersJson, endpointThat } from '../fixtures/model-endpoint.js'
import { chatEndpoint, promptRun } from '../fixtures/prompt-run.js'
import { runPrompt } from './prompt.js'

const simple: PromptParameters['scorers'] = {
  short: { type: 'length', unit: 'words', min: 0, max: 2 },
  says_spam: { type: 'regex', pattern: '(?i)spam', absent: false },
}

test('give metrics beside the task’s own, and one of them may be the first', async () => {
  const { baseUrl } = await chatEndpoint((prompt) => (prompt.includes('1') ? 'It is spam, surely' : 'ham'))
  const { context, reported } = await promptRun(baseUrl, { scorers: simple }, { assignment: { metrics: ['short', 'accuracy', 'says_spam'] } })
  const summary = await runPrompt(context)
  expect(summary.primaryMetric).toBe('short')
  const short = reported.examples.filter(({ output }) => output === 'ham').length
  expect(short).toBeGreaterThan(0)
  expect(summary.metrics).toMatchObject({ short: { n: 10, mean: short / 10, method: 'wilson' }, says_spam: { n: 10, mean: expect.closeTo(1 - short / 10, 12) as number }, accuracy: { n: 10 } })
})

test('a judge scores by its rubric; its cost stands apart, and a reply that is no verdict leaves the item unscored', async () => {
  const { baseUrl } = await chatEndpoint(() => 'ham')
  let asked = 0
  const judge = await chatEndpoint(() => (++asked % 2 === 0 ? 'Seems fine to me.' : '{"reason": "well put", "score": 4}'))
  const price = { inputPerMillion: 2, outputPerMillion: 10 }
  const scorers: PromptParameters['scorers'] = {
    tone: { type: 'judge', model: { provider: 'openai', baseUrl: judge.baseUrl, api: 'chat', model: 'judge', price }, rubric: 'Polite about {{ input }}; {{ answer }}', scale: [1, 5], maxTokens: 100 },
  }
  const { context, reported } = await promptRun(baseUrl, { scorers }, { price, assignment: { metrics: ['tone', 'accuracy'] } })
  const summary = await runPrompt(context)
  expect(judge.prompts).toHaveLength(10)
  expect(summary.metrics).toMatchObject({ tone: { n: 5, mean: expect.closeTo(0.75, 12) as number, unscored: 5, errors: 0 }, accuracy: { n: 10 } })
  expect(summary).toMatchObject({ judgeCostUsd: expect.closeTo(10 * 0.0003, 12) as number, costUsd: expect.closeTo(10 * 0.0003, 12) as number, spentUsd: expect.closeTo(20 * 0.0003, 12) as number })
  const judged = reported.examples.filter(({ scores }) => scores['tone'] !== undefined)
  expect(judged.map(({ details }) => details['judgements'])).toEqual(Array.from({ length: 5 }, () => ({ tone: 'well put' })))
  expect(reported.examples.find(({ scores }) => scores['tone'] === undefined)?.details['unscored']).toEqual({ tone: 'the judge did not reply with {"reason", "score"}: "Seems fine to me."' })
})

test('a scorer of one’s own says which way is better, and in what unit', async () => {
  const { baseUrl } = await chatEndpoint((prompt) => (prompt.includes('1') ? 'ham and spam' : 'ham'))
  const { context } = await promptRun(baseUrl, { scorers: { words: { type: 'custom', file: 'words.mjs', better: 'lower', bounded: false, unit: 'words' } } }, { assignment: { metrics: ['words', 'accuracy'] } })
  mkdirSync(join(context.folders.home, 'scorers'), { recursive: true })
  writeFileSync(join(context.folders.home, 'scorers', 'words.mjs'), "export default ({ answer }) => answer.split(' ').length\n")
  expect((await runPrompt(context)).metrics).toMatchObject({ words: { n: 10, higherIsBetter: false, unit: 'words', method: 'student-t' }, accuracy: { higherIsBetter: true } })
})

test('what a moderation endpoint flags is told, and costs what it says', async () => {
  const { baseUrl } = await chatEndpoint((prompt) => (prompt.includes('1') ? 'spam' : 'ham'))
  const moderation = await endpointThat((incoming, response) => {
    const isBad = moderation.bodies.at(-1)?.['input'] === 'spam'
    answersJson({ results: [{ flagged: isBad, categories: { hate: isBad, violence: isBad }, category_scores: { hate: 0.8, violence: 0.7 } }] })(incoming, response)
  })
  const model = { provider: 'openai', api: 'chat', baseUrl: moderation.baseUrl, model: 'omni', price: { perHour: 0 } } as const
  const { context, reported } = await promptRun(baseUrl, { scorers: { safe: { type: 'moderation', model }, peaceful: { type: 'moderation', model, categories: ['self-harm'] } } }, { assignment: { metrics: ['safe', 'peaceful'] } })
  const summary = await runPrompt(context)
  const bad = reported.examples.filter(({ output }) => output === 'spam')
  expect(bad.length).toBeGreaterThan(0)
  expect(summary.metrics).toMatchObject({ safe: { n: 10, mean: 1 - bad.length / 10, method: 'wilson' }, peaceful: { n: 10, mean: 1 } })
  expect(bad.map(({ details }) => details['judgements'])).toEqual(bad.map(() => ({ safe: 'hate 0.800, violence 0.700' })))
  expect(summary.judgeCostUsd).toBe(0)
})

test('a rubric that names a field the items lack is refused before anything is asked', async () => {
  const { baseUrl, prompts } = await chatEndpoint(() => 'ham')
  const scorers: PromptParameters['scorers'] = { tone: { type: 'judge', model: { provider: 'openai', baseUrl, api: 'chat', model: 'm' }, rubric: '{{ gold }}', scale: [1, 5], maxTokens: 100 } }
  await expect(runPrompt((await promptRun(baseUrl, { scorers })).context)).rejects.toThrow(/scorers\.tone\.rubric uses "gold", which item "test-0" does not have/)
  expect(prompts).toHaveLength(0)
})

test('a figure of the whole corpus is told of the corpus, with what each answer adds to it', async () => {
  const { baseUrl } = await chatEndpoint((prompt) => (prompt.includes('1') ? 'ham spam' : 'ham'))
  const scorers: PromptParameters['scorers'] = { edits: { type: 'corpus', figure: 'ter', steps: [{ function: 'regex', pattern: '[a-z]+$', groupSelect: 0, fallback: '' }] } }
  const { context, reported } = await promptRun(baseUrl, { scorers }, { assignment: { metrics: ['edits'] } })
  const summary = await runPrompt(context)
  const parts = reported.examples.map(({ details }) => details['corpus'] as { edits: { of: string; sums: [number, number] } })
  const [edits, words] = [0, 1].map((place) => parts.reduce((sum, part) => sum + (part.edits.sums[place] ?? 0), 0))
  // Of ten items four are spam, and the one with a 1 is answered so.
  expect([edits, words]).toEqual([3, 10])
  expect(summary.metrics['edits']).toMatchObject({ mean: 30, n: 10, corpus: 'ter', higherIsBetter: false, method: 'bootstrap-bca' })
})

test('several answers are drawn with seeds of their own, voted on and paid for', async () => {
  const asked = new Map<string, number>()
  const { baseUrl, bodies } = await chatEndpoint((prompt) => {
    const times = asked.get(prompt) ?? 0
    asked.set(prompt, times + 1)
    return ['spam', 'ham', 'ham'][times] ?? ''
  })
  const steps = (vote: boolean): PromptParameters['scorers'][string] => ({ type: 'lm_eval', steps: vote ? [{ function: 'majority_vote' }, { function: 'take_first' }] : [], ignoreCase: false, ignorePunctuation: false, ignoreNumbers: false, regexesToIgnore: [] })
  const price = { inputPerMillion: 2, outputPerMillion: 10 }
  const { context, reported } = await promptRun(baseUrl, { scorers: { first: steps(false), voted: steps(true) }, samples: 3, temperature: 0.5 }, { price, assignment: { metrics: ['voted', 'first'] } })
  const summary = await runPrompt(context)
  expect(bodies).toHaveLength(30)
  expect(new Set(bodies.map(({ seed }) => seed)).size).toBe(3)
  // Six of ten are ham, which two of each three answers say, in whatever order they come.
  const first = reported.examples.filter(({ output, target }) => output === target).length / 10
  expect(summary.metrics).toMatchObject({ voted: { mean: 0.6, n: 10 }, first: { mean: first, n: 10 } })
  expect(summary).toMatchObject({ costUsd: expect.closeTo(30 * 0.0003, 12) as number, tokensOut: 300 })
  for (const { output, details } of reported.examples) {
    const samples = details['samples'] as string[]
    expect([samples[0], samples.toSorted()]).toEqual([output, ['ham', 'ham', 'spam']])
    expect(details).not.toHaveProperty('steps')
  }
})
