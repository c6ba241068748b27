/* A service without a protocol, over a real connection: what it is sent, and how its answer is found. */
import { expect, test } from 'vitest'
import { EndpointSchema } from '../../server/contracts/index.js'
import { answersJson, endpointThat, fails } from '../fixtures/model-endpoint.js'
import { RunFailure } from '../run-context.js'
import { keysOf } from './call-key.js'
import { PromptRefused, type ChatModel, type CompletionRequest } from './chat-model.js'
import { CallGate } from './gate.js'
import { openEndpoint } from './open-endpoint.js'

const request: CompletionRequest = { messages: [{ role: 'user', content: 'How many "legs"?' }], maxTokens: 8, temperature: 0, stop: [], seed: 7, itemId: 'a1', variables: { animal: 'ant' } }

function open(endpoint: Record<string, unknown>, { env = {}, gates = [] }: { env?: NodeJS.ProcessEnv; gates?: string[] } = {}): Promise<ChatModel> {
  const gateFor = (id: string): CallGate => {
    gates.push(id)
    return new CallGate(8)
  }
  return openEndpoint(EndpointSchema.parse({ provider: 'http', model: 'zoo', ...endpoint }), { env, concurrency: 1, timeoutMs: 2_000, mostTries: 2, firstPauseMs: 2, gateFor, recordingsFolder: '' })
}

test('address, parameters, headers and body are templates over the prompt, the item, the settings and the environment', async () => {
  const { baseUrl, bodies, requests } = await endpointThat(answersJson({ reply: { text: 'six' }, tokenUsage: { prompt: 5, completion: 1 } }))
  const model = await open(
    {
      url: '{{ env.ZOO_URL }}/ask/{{ animal }}',
      query: { lang: 'pt br' },
      headers: { 'X-Api-Key': '{{ env.ZOO_KEY }}' },
      body: { question: '{{ prompt }}', about: ['{{ animal | upper }}', 3, null, true], limit: '{{ decoding.maxTokens }}', turns: '{{ [{"role": "user"}] | tojson }}' },
      answer: 'json.reply.text',
    },
    { env: { ZOO_URL: baseUrl, ZOO_KEY: 'zoo-secret' } },
  )
  expect(model.variables).toEqual(['animal'])
  expect(await model.complete(request)).toMatchObject({ text: 'six', tokensIn: 5, tokensOut: 1, tokensCached: null, ttftMs: null, finishReason: null, tries: 1 })
  expect(requests[0]).toMatchObject({ method: 'POST', url: '/v1/ask/ant?lang=pt+br', headers: { 'x-api-key': 'zoo-secret', 'content-type': 'application/json' } })
  expect(bodies[0]).toEqual({ question: 'How many "legs"?', about: ['ANT', 3, null, true], limit: '8', turns: [{ role: 'user' }] })
})

test('GET sends no body, and without a script the whole answer is taken', async () => {
  const { baseUrl, requests } = await endpointThat((_, response) => response.end('plain six'))
  const model = await open({ url: `${baseUrl}/ask`, query: { q: '{{ prompt }}' } })
  expect(await model.complete(request)).toMatchObject({ text: 'plain six', tokensIn: null })
  expect(requests[0]?.method).toBe('GET')
  expect(requests[0]?.headers['content-length']).toBeUndefined()
  expect(new URL(requests[0]?.url ?? '', baseUrl).searchParams.get('q')).toBe('How many "legs"?')
})

test('a conversation is the JSON of its messages, which stands where messages are wanted', async () => {
  const { baseUrl, bodies } = await endpointThat(answersJson(['six']))
  const model = await open({ url: baseUrl, method: 'PUT', body: { messages: '{{ prompt }}' }, answer: '(json) => json[0]' })
  const messages = [{ role: 'system' as const, content: 'Be brief.' }, ...request.messages]
  expect(await model.complete({ ...request, messages })).toMatchObject({ text: 'six' })
  expect(bodies[0]).toEqual({ messages })
})

test('a script may tell tokens and why the answer ended, or that there is none', async () => {
  const { baseUrl } = await endpointThat(answersJson({ text: 'six', used: 9, why: 'stop' }), answersJson({ fault: 'no such animal' }))
  const model = await open({ url: baseUrl, body: {}, answer: '({ output: json.text, tokenUsage: { prompt: json.used, completion: 1 }, finishReason: json.why, error: json.fault })' })
  expect(await model.complete(request)).toMatchObject({ text: 'six', tokensIn: 9, tokensOut: 1, finishReason: 'stop' })
  await expect(model.complete(request)).rejects.toThrow(new PromptRefused('no such animal'))
})

test('a text as body is sent as it is rendered', async () => {
  const { baseUrl, bodies, requests } = await endpointThat(answersJson(6))
  const model = await open({ url: baseUrl, body: 'legs of {{ animal }}', answer: 'json * 2' })
  expect(await model.complete(request)).toMatchObject({ text: '12' })
  expect([bodies[0], requests[0]?.headers['content-type']]).toEqual([{ text: 'legs of ant' }, 'text/plain; charset=utf-8'])
})

test('what the script does not find is the run’s fault at first, and the prompt’s after an answer', async () => {
  const { baseUrl } = await endpointThat(answersJson({ error: 'down' }), answersJson({ a: [1] }), answersJson({ b: 1 }))
  const model = await open({ url: baseUrl, body: {}, answer: 'json.a[0]' })
  await expect(model.complete(request)).rejects.toMatchObject({ code: 'endpoint_failed', message: expect.stringContaining('answer finds nothing in what came back: cannot read 0 of undefined; it begins "{') as string })
  expect(await model.complete(request)).toMatchObject({ text: '1' })
  await expect(model.complete(request)).rejects.toThrow(PromptRefused)
})

test('an overload is tried again, and no message tells a key, written out or in an address', async () => {
  const { baseUrl } = await endpointThat(fails(503, 'busy'), answersJson('well'), fails(403, 'key a b/c is none of ours'))
  const model = await open({ url: `${baseUrl}/x`, query: { key: '{{ env.ZOO_KEY }}' } }, { env: { ZOO_KEY: 'a b/c' } })
  expect(await model.complete(request)).toMatchObject({ text: 'well', tries: 2 })
  const failure = (await model.complete(request).catch((error: unknown) => error)) as RunFailure
  expect(failure).toMatchObject({ code: 'endpoint_failed', message: expect.stringContaining('key [key] is none of ours. Check the key in the environment variable that the headers name') as string })
  expect(failure.message).not.toMatch(/a b\/c|a\+b%2Fc|a%20b%2Fc/)
})

test('one limit holds for an address and its keys', async () => {
  const gates: string[] = []
  for (const [path, key] of [['a', '1'], ['b', '1'], ['b', '2']] as const) await open({ url: `http://127.0.0.1:9/${path}`, headers: { authorization: 'Bearer {{ env.K }}' } }, { env: { K: key }, gates })
  expect(gates[0]).toBe(gates[1])
  expect(gates[1]).not.toBe(gates[2])
})

test('items that differ in a field which the request reads are different calls', () => {
  const key = keysOf({ identity: 'x', repeat: 0, privateTo: null, readsShared: true })
  expect(key(request).own).not.toBe(key({ ...request, variables: { animal: 'bee' } }).own)
  expect(key(request).own).toBe(key({ ...request, itemId: 'a2' }).own)
})

test.each([
  ['a key in the file', { url: 'http://h/x', headers: { Authorization: 'Bearer sk-1' } }, 'holds a key, which does not belong in the file'],
  ['a password in the address', { url: 'http://me:secret@h/x' }, 'without a name and password in it'],
  ['a script that is code', { url: 'http://h/x', answer: 'await fetch(text)' }, 'answer: '],
  ['a variable that is not set', { url: 'http://h/x', headers: { cookie: '{{ env.NOT_SET }}' } }, 'set NOT_SET where the worker is started'],
  ['a host of each item', { url: 'http://{{ animal }}.test/x' }, 'a model is at one host'],
  ['a body with GET', { url: 'http://h/x', method: 'GET', body: {} }, 'method is GET, which sends no body'],
])('%s is refused before anything is asked', async (_, endpoint, message) => {
  await expect((async () => open(endpoint))()).rejects.toThrow(message)
})

test('a setting that the service is not told of is refused', async () => {
  const model = await open({ url: 'http://127.0.0.1:9/x', body: { q: '{{ prompt }}', t: '{{ decoding.topP }}' } })
  await expect(model.complete({ ...request, topP: 0.5, temperature: 1 })).rejects.toThrow('temperature is 1, but the request of this service does not read decoding.temperature')
})
