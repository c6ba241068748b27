import { expect, test } from 'vitest'
import { PromptParametersSchema } from '../../server/contracts/index.js'
import { mails } from '../fixtures/prompt-run.js'
import { contextWith } from '../fixtures/run-context.js'
import { runPrompt } from '../runners/prompt.js'
import { echoModel } from './echo-model.js'

test('the prompt comes back as the answer, for nothing', async () => {
  const params = PromptParametersSchema.parse({ model: { provider: 'echo' }, template: 'Surely {{ input }} is spam', limit: 2 })
  const { context, reported } = await contextWith({ dataset: mails, params, assignment: { metrics: ['accuracy'], budget: { usd: 1 } } })
  expect(await runPrompt(context)).toMatchObject({ costUsd: 0, spentUsd: 0, metrics: { accuracy: { n: 2 } } })
  for (const { input, output } of reported.examples) expect(output).toBe(input)
})

test('a conversation comes back as the JSON of its messages', async () => {
  const messages = [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Hi' }] as const
  const { text } = await echoModel('echo', 1).complete({ messages, maxTokens: 1, temperature: 0, stop: [], seed: 1 })
  expect(JSON.parse(text)).toEqual(messages)
})
