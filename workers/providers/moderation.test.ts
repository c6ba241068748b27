/* A moderation endpoint as OpenAI documents it, over a real connection. */
import { expect, test } from 'vitest'
import { OpenAiEndpointSchema, type StoredResponse } from '../../server/contracts/index.js'
import { RunBudget } from '../budget.js'
import { answersJson, endpointThat } from '../fixtures/model-endpoint.js'
import { CallGate } from './gate.js'
import { openModerator, type Moderator } from './moderation.js'
import { openRaw } from './open-endpoint.js'

const flagged = { id: 'modr-1', model: 'omni', results: [{ flagged: true, categories: { hate: true, violence: false, illicit: null }, category_scores: { hate: 0.91, violence: 0.2, illicit: null } }] }
const clean = { results: [{ flagged: false, categories: { hate: false }, category_scores: { hate: 0.4 } }] }

function open(baseUrl: string, stored: Map<string, StoredResponse>): Moderator {
  const endpoint = OpenAiEndpointSchema.parse({ provider: 'openai', baseUrl, model: 'omni', apiKeyEnv: 'MOD_KEY' })
  const find = (key: string): Promise<StoredResponse | null> => Promise.resolve(stored.get(key) ?? null)
  const shelf = { find, peek: find, keep: (response: StoredResponse) => Promise.resolve(void stored.set(response.key, response)) }
  const raw = openRaw(endpoint, { env: { MOD_KEY: 'sk-mod' }, concurrency: 1, timeoutMs: 2_000, mostTries: 2, firstPauseMs: 2, gateFor: () => new CallGate(8), recordingsFolder: '' })
  return openModerator({ endpoint, ...raw, concurrency: 1, pricing: () => 0, shelf, budget: new RunBudget({ limits: null, spentUsd: 0, spentCalls: 0, elapsedMs: () => 0 }), privateTo: null, readsShared: false })
}

test('tells what a text is flagged for, and asks for each text once', async () => {
  const { baseUrl, bodies, requests } = await endpointThat(answersJson(flagged), answersJson(clean))
  const stored = new Map<string, StoredResponse>()
  expect(await open(baseUrl, stored).flags('bad words')).toEqual({ flags: { hate: 0.91 }, costUsd: 0, cached: false })
  expect(await open(baseUrl, stored).flags('bad words')).toEqual({ flags: { hate: 0.91 }, costUsd: 0, cached: true })
  expect(await open(baseUrl, stored).flags('good words')).toEqual({ flags: {}, costUsd: 0, cached: false })
  expect(bodies).toEqual([{ model: 'omni', input: 'bad words' }, { model: 'omni', input: 'good words' }])
  expect([requests[0]?.url, requests[0]?.headers.authorization]).toEqual(['/v1/moderations', 'Bearer sk-mod'])
})

test('an answer of another form is no verdict', async () => {
  const { baseUrl } = await endpointThat(answersJson({ flagged: true }))
  await expect(open(baseUrl, new Map()).flags('x')).rejects.toMatchObject({ code: 'endpoint_failed', message: expect.stringContaining('(results)') as string })
})
