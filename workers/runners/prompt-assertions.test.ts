import { expect, it } from 'vitest'
import { chatEndpoint, promptRun } from '../fixtures/prompt-run.js'
import type { TestDataset } from '../fixtures/run-context.js'
import { runPrompt } from './prompt.js'

const greetings: TestDataset = {
  task: 'generation',
  splits: {
    test: [
      { id: 'fr', input: 'Hello', target: '', language: 'French', assertions: { assert: [{ type: 'icontains', value: 'bonjour' }, { type: 'llm-rubric', value: 'is polite', metric: 'tone' }] } },
      { id: 'es', input: 'Hello', target: '', language: 'Spanish', assertions: { assert: [{ type: 'equals', value: 'Hola' }, { type: 'word-count', value: 1, weight: 3 }], threshold: 0.75 } },
    ],
  },
}
const scorers = (baseUrl: string) => ({
  pass: { type: 'assertions', gives: 'pass', graders: { default: { model: { provider: 'openai', baseUrl, model: 'judge', decoding: { maxTokens: 99 } } } } },
  score: { type: 'assertions', gives: 'score', },
  tone: { type: 'assertions', gives: { metric: 'tone' } },
})

it('scores each item by its own assertions, asking a judge only where one is named', async () => {
  const endpoint = await chatEndpoint((prompt) => (prompt.startsWith('RUBRIC') ? '{"reason": "kind", "pass": true, "score": 0.5}' : prompt.includes('French') ? 'Bonjour !' : 'hola'))
  const { context, reported } = await promptRun(endpoint.baseUrl, { template: 'Say it in {{ language }}: {{ input }}', scorers: scorers(endpoint.baseUrl) }, { dataset: greetings, assignment: { metrics: ['pass', 'score', 'tone'] }, price: { inputPerMillion: 1, outputPerMillion: 2 } })
  const summary = await runPrompt(context)
  const byId = Object.fromEntries(reported.examples.map((example) => [example.itemId, example]))
  expect(byId['fr']).toMatchObject({ scores: { pass: 1, score: 0.75, tone: 0.5 }, details: { assertions: [{ type: 'icontains', pass: true, score: 1 }, { type: 'llm-rubric', score: 0.5, metric: 'tone', reason: 'kind' }] } })
  expect(byId['es']).toMatchObject({ scores: { pass: 1, score: 0.75 } })
  expect(byId['es']?.scores).not.toHaveProperty('tone')
  expect(summary.metrics).toMatchObject({ pass: { mean: 1, n: 2 }, tone: { n: 1, unscored: 1 } })
  expect(endpoint.prompts.filter((prompt) => prompt.startsWith('RUBRIC'))).toHaveLength(1)
  expect(endpoint.bodies.find(({ messages }) => messages.length === 2)).toMatchObject({ max_tokens: 99 })
})

it('leaves an item unscored, not failed, where the judge answers prose', async () => {
  const endpoint = await chatEndpoint((prompt) => (prompt.startsWith('RUBRIC') ? 'Very polite indeed.' : 'Bonjour'))
  const { context, reported } = await promptRun(endpoint.baseUrl, { scorers: scorers(endpoint.baseUrl) }, { dataset: greetings, assignment: { metrics: ['score'] } })
  await runPrompt(context)
  const french = reported.examples.find(({ itemId }) => itemId === 'fr')
  expect(french).toMatchObject({ status: 'scored', scores: {}, details: { unscored: { pass: expect.stringContaining('the judge did not reply in the form') as string } } })
})

it('refuses an item whose assertions name a grader that is not there, before anything is asked', async () => {
  const endpoint = await chatEndpoint(() => 'x')
  const { context } = await promptRun(endpoint.baseUrl, { scorers: { pass: { type: 'assertions' } } }, { dataset: greetings, assignment: { metrics: ['pass'] } })
  await expect(runPrompt(context)).rejects.toThrow('assertions of the dataset need grader "default", which no scorer of type assertions declares')
  expect(endpoint.prompts).toEqual([])
})

it('reads a conversation from a template that renders to JSON', async () => {
  const endpoint = await chatEndpoint(() => 'x')
  const json = '[{"role": "system", "content": {{ language | tojson }}}, {% for turn in ["a", "b"] %}{"role": "assistant", "content": "{{ turn }}"}, {% endfor %}{"role": "user", "content": {{ input | tojson }}}]'
  const { context, reported } = await promptRun(endpoint.baseUrl, { prompt: { label: 'chat', json }, limit: 1 }, { dataset: greetings, assignment: { metrics: ['exact_match'] } })
  await runPrompt(context)
  expect(endpoint.bodies[0]?.messages.map(({ role }) => role)).toEqual(['system', 'assistant', 'assistant', 'user'])
  expect(endpoint.bodies[0]?.messages.at(-1)?.content).toBe('Hello')
  const broken = await promptRun(endpoint.baseUrl, { prompt: { label: 'chat', json: '[{"role": "user", "content": {{ input }}}]' }, limit: 1 }, { dataset: greetings, assignment: { metrics: ['exact_match'] } })
  await expect(runPrompt(broken.context)).rejects.toThrow('prompt.json does not render to JSON for item')
  expect(reported.examples).toHaveLength(1)
})
