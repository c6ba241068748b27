/* Stored answers scored anew; the answering model's endpoint is there to show that nobody asks it. */
import { describe, expect, test } from 'vitest'
import { PromptParametersSchema, type Example } from '../../server/contracts/index.js'
import { chatEndpoint, promptRun } from '../fixtures/prompt-run.js'
import { datasetOfAnswers, scoringOf } from '../imported-answers.js'
import { runPrompt } from './prompt.js'
import { runRescore } from './rescore.js'

const price = { inputPerMillion: 2, outputPerMillion: 10 }

/** A run over an endpoint, and a context in which its answers can be read and are scored by other parameters. */
async function rescored(answer: (prompt: string) => string | number, params: Record<string, unknown>, more: { metrics: string[]; doneExamples?: Example[] }) {
  const endpoint = await chatEndpoint(answer)
  const first = await promptRun(endpoint.baseUrl, {}, { price })
  const summary = await runPrompt(first.context).catch(() => null)
  const asked = endpoint.prompts.length
  const second = await promptRun(endpoint.baseUrl, params, { price, assignment: { runId: 'again', metrics: more.metrics }, doneExamples: more.doneExamples ?? [] })
  second.context.server.getJson = (path) => {
    const { pathname, searchParams } = new URL(path, 'http://server')
    expect(pathname).toBe('/api/runs/source/examples')
    const offset = Number(searchParams.get('offset'))
    return Promise.resolve({ total: first.reported.examples.length, examples: first.reported.examples.slice(offset, offset + 4) })
  }
  return { ...second, first: { ...first, summary }, asked: () => endpoint.prompts.length - asked }
}

describe('stored answers', () => {
  test('are scored by other scorers, without a call, at the cost they had, and out of the latency', async () => {
    const { context, reported, first, asked } = await rescored((prompt) => (prompt.includes('1') ? 'It is spam, surely' : 'ham'), { scorers: { short: { type: 'length', unit: 'words', max: 2 }, quick: { type: 'at_most', of: 'latencyMs', value: 60_000 } } }, { metrics: ['short', 'accuracy', 'quick'] })
    const summary = await runRescore(context, 'source')
    expect(asked()).toBe(0)
    expect(summary).toMatchObject({ primaryMetric: 'short', latency: null, cachedExamples: 10, spentUsd: 0, costUsd: first.summary?.costUsd, metrics: { short: { n: 10, mean: 0.9 }, quick: { n: 10, mean: 1 }, accuracy: first.summary?.metrics['accuracy'] } })
    const byId = new Map(first.reported.examples.map((example) => [example.itemId, example]))
    for (const example of reported.examples) {
      const source = byId.get(example.itemId)
      expect(example).toMatchObject({ cached: true, output: source?.output, input: source?.input, latencyMs: source?.latencyMs, costUsd: source?.costUsd, tokensIn: source?.tokensIn, scores: { accuracy: source?.scores['accuracy'] } })
    }
  })

  test('are extracted in another way, and lose what the former scoring said of them', async () => {
    const { context, reported } = await rescored(() => 'Thinking of ham.\nAnswer: spam', { extract: { after: 'Answer:' } }, { metrics: ['accuracy'] })
    expect((await runRescore(context, 'source')).metrics['accuracy']).toMatchObject({ mean: 0.4, n: 10 })
    expect(reported.examples[0]?.details).toMatchObject({ predicted: 'spam', answer: 'spam', finishReason: 'stop' })
  })

  test('that failed stay errors, and those scored by an earlier attempt are not scored again', async () => {
    const failing = (prompt: string): string | number => (prompt.includes('3') ? 400 : 'ham')
    const { context, reported, first } = await rescored(failing, { scorers: { polite: { type: 'no_refusal' } } }, { metrics: ['polite'] })
    context.doneExamples = first.reported.examples.slice(0, 3).map((example) => ({ ...example, scores: { polite: 1 } }))
    const summary = await runRescore(context, 'source')
    expect(reported.examples).toHaveLength(7)
    expect(summary.metrics['polite']).toMatchObject({ errors: 1, n: 9 })
  })

  test('are judged by a model that was not asked before, at its own cost', async () => {
    const judge = await chatEndpoint(() => '{"reason": "fine", "score": 5}')
    const scorers = { tone: { type: 'judge', model: { provider: 'openai', baseUrl: judge.baseUrl, model: 'judge', price }, rubric: 'Polite about {{ input }}' } }
    const { context, asked } = await rescored(() => 'ham', { scorers }, { metrics: ['tone'] })
    expect(await runRescore(context, 'source')).toMatchObject({ metrics: { tone: { n: 10, mean: 1 } }, judgeCostUsd: expect.closeTo(0.003, 12) as number, spentUsd: expect.closeTo(0.003, 12) as number })
    expect([asked(), judge.prompts.length]).toEqual([0, 10])
  })

  test('have no loss that was not measured, and no item that the data lack', async () => {
    const { context, first } = await rescored(() => 'ham', {}, { metrics: ['loss'] })
    await expect(runRescore(context, 'source')).rejects.toThrow(/metric "loss" cannot be scored on stored answers/)
    Object.assign(first.reported.examples[2] ?? {}, { itemId: 'gone' })
    await expect(runRescore(context, 'source')).rejects.toThrow(/answered the item "gone", which split "test" of "data" does not have/)
  })
})

describe('answers of another tool', () => {
  const example = (itemId: string, more: Partial<Example> = {}): Example => ({
    itemId, cluster: null, input: `ask ${itemId}`, output: 'Paris', target: 'Paris', status: 'scored', scores: { pass: 1 }, error: null, latencyMs: null, ttftMs: null, tokensIn: null, tokensOut: null, costUsd: null, details: {}, ...more,
  })

  async function imported(examples: Example[], params: Record<string, unknown>, metrics: string[]) {
    const { context, reported } = await promptRun('http://127.0.0.1:1/v1', {}, { assignment: { runId: 'again', metrics } })
    context.params = PromptParametersSchema.parse(scoringOf({ model: 'theirs', importedFrom: 'promptfoo', shots: null, ...params }))
    context.server.getJson = () => Promise.resolve({ total: examples.length, examples })
    context.dataset = datasetOfAnswers(context.server, { dataset: 'promptfoo:x', datasetHash: 'h', rescoredFrom: 'source' })
    return { summary: await runRescore(context, 'source'), examples: new Map(reported.examples.map((one) => [one.itemId, one])) }
  }

  test('are scored here by what came with them: target, targets and variables, and their whole text', async () => {
    const { summary, examples } = await imported(
      [
        example('a'),
        example('b', { output: '[invalid]', details: { response: 'It is Rome, as all know' } }),
        example('c', { details: { hasNoOutput: true }, output: '' }),
        example('d', { target: null }),
        example('e', { target: '["Paris","Paname"]', details: { targets: ['Paris', 'Paname'] } }),
        example('f', { status: 'error', error: 'HTTP 500', scores: {} }),
      ],
      { scorers: { brief: { type: 'length', max: 1 }, right: { type: 'lm_eval' } } }, ['brief', 'right', 'exact_match'],
    )
    const told = [...examples].map(([id, { status, scores, output }]) => [id, status, scores, output] as const)
    expect(told.toSorted(([a], [b]) => a.localeCompare(b))).toEqual([
      ['a', 'scored', { brief: 1, right: 1, exact_match: 1 }, 'Paris'],
      ['b', 'scored', { brief: 0, right: 0, exact_match: 0 }, 'It is Rome, as all know'],
      ['c', 'unscored', {}, ''],
      ['d', 'scored', { brief: 1 }, 'Paris'],
      ['e', 'scored', { brief: 1, right: 1, exact_match: 0 }, 'Paris'],
      ['f', 'error', {}, 'Paris'],
    ])
    expect(summary.metrics).toMatchObject({ brief: { n: 4, unscored: 1, errors: 1 }, right: { n: 3 } })
  })

  test('have no metric that needs a target where no item has one, and a rubric may name their variables', async () => {
    const judge = await chatEndpoint((prompt) => JSON.stringify({ reason: 'so', score: prompt.includes('Capital of France') ? 5 : 1 }))
    const examples = [example('a', { target: null, details: { vars: { topic: 'Capital of France' } } })]
    const tone = { type: 'judge', model: { provider: 'openai', baseUrl: judge.baseUrl, model: 'judge' }, rubric: 'Right about {{ topic }}' }
    expect((await imported(examples, { scorers: { tone } }, ['tone'])).summary.metrics['tone']).toMatchObject({ n: 1, mean: 1 })
    await expect(imported(examples, {}, ['exact_match'])).rejects.toThrow('metric "exact_match" cannot be scored on stored answers to items none of which has a target')
    await expect(imported(examples, { scorers: { tone: { ...tone, rubric: 'As {{ target }}' } } }, ['tone'])).rejects.toThrow(/uses "target", which item "a" does not have/)
  })
})
