import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import type { OpenAiEndpoint } from '../../server/contracts/index.js'
import { answersJson, breaksOffAfter, chatAnswers, chatPiece, DONE, endpointThat, event, fails, streams } from '../fixtures/model-endpoint.js'
import { RunFailure } from '../run-context.js'
import { CallFailed, PromptRefused, type ChatModel, type CompletionRequest } from './chat-model.js'
import { CallGate } from './gate.js'
import { openEndpoint, type OpenEndpointOptions } from './open-endpoint.js'

const request: CompletionRequest = { messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Label?' }], maxTokens: 8, temperature: 0, stop: [], seed: 1 }

function open(baseUrl: string, more: Partial<OpenEndpointOptions> = {}, endpoint: Partial<OpenAiEndpoint> = {}): Promise<ChatModel> {
  const options = { env: {}, concurrency: 1, timeoutMs: 2_000, firstPauseMs: 5, gateFor: () => new CallGate(8), recordingsFolder: '', ...more }
  return openEndpoint({ provider: 'openai', api: 'chat', baseUrl, model: 'tiny', ...endpoint }, options)
}

test('streams an answer and takes all kinds of tokens from the usage', async () => {
  const { baseUrl, bodies, requests } = await endpointThat(chatAnswers)
  const model = await open(baseUrl, { env: { TINY_KEY: 'secret-1' } }, { apiKeyEnv: 'TINY_KEY', extraBody: { reasoning_effort: 'low', temperature: null } })
  const completion = await model.complete(request)
  expect(completion).toMatchObject({ text: 'spam', tokensIn: 11, tokensOut: 2, tokensCached: 8, tokensReasoning: 1, finishReason: 'stop', tries: 1 })
  expect(completion.ttftMs).toBeGreaterThan(0)
  expect(completion.ttftMs).toBeLessThanOrEqual(completion.latencyMs)
  expect(requests[0]?.url).toBe('/v1/chat/completions')
  expect(requests[0]?.headers.authorization).toBe('Bearer secret-1')
  expect(bodies[0]).toEqual({ model: 'tiny', messages: request.messages, max_tokens: 8, stream: true, stream_options: { include_usage: true }, reasoning_effort: 'low' })
})

test('reads events cut anywhere, CRLF lines and letters split between packets', async () => {
  const bytes = Buffer.from(`data: ${JSON.stringify({ choices: [{ delta: { content: 'ação ✓' }, finish_reason: 'stop' }] })}\r\n\r\ndata: [DONE]\r\n\r\n`)
  const { baseUrl } = await endpointThat(async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const byte of bytes) {
      response.write(Buffer.of(byte))
      if (byte > 127) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    response.end()
  })
  expect(await (await open(baseUrl)).complete(request)).toMatchObject({ text: 'ação ✓', tokensIn: null, tokensOut: null, tokensCached: null })
})

test('takes an answer in one piece, without a time to the first token', async () => {
  const { baseUrl } = await endpointThat(answersJson({ choices: [{ message: { content: 'ham' }, finish_reason: 'stop' }], usage: { prompt_tokens: 3, completion_tokens: 1 } }))
  expect(await (await open(baseUrl)).complete(request)).toMatchObject({ text: 'ham', ttftMs: null, tokensIn: 3, tokensOut: 1 })
})

test.each([
  ['seconds', () => '0.3', 295],
  // A date has whole seconds: nearly one of the two may have passed already.
  ['a date', () => new Date(Date.now() + 2_000).toUTCString(), 900],
])('waits as long as a 429 asks by %s, then tries again', async (_, header, atLeastMs) => {
  const { baseUrl, bodies } = await endpointThat((incoming, response) => fails(429, 'slow down', { 'retry-after': header() })(incoming, response), chatAnswers)
  const retries: string[] = []
  const startedAt = performance.now()
  const model = await open(baseUrl, { onRetry: (message) => retries.push(message) })
  expect(await model.complete(request)).toMatchObject({ text: 'spam', tries: 2 })
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(atLeastMs)
  expect(bodies).toHaveLength(2)
  expect(retries[0]).toContain('slow down')
})

test('being turned away costs none of the tries', async () => {
  const turnsAway: RequestListener = fails(429, 'busy', { 'retry-after-ms': '1' })
  const { baseUrl } = await endpointThat(...Array.from({ length: 9 }, () => turnsAway), chatAnswers)
  expect(await (await open(baseUrl, { mostTries: 2, firstPauseMs: 1 })).complete(request)).toMatchObject({ text: 'spam', tries: 10 })
})

test('an endpoint that asks for hours ends the run and says when to come back', async () => {
  const { baseUrl } = await endpointThat(fails(429, 'daily limit', { 'retry-after': '7200' }))
  await expect((await open(baseUrl)).complete(request)).rejects.toMatchObject({ code: 'endpoint_failed', message: expect.stringContaining('it asks to wait 7200 s') as string })
})

test('half an answer is tried again, and never passed off as a whole one', async () => {
  const { baseUrl, bodies } = await endpointThat(breaksOffAfter(chatPiece('sp')), streams(chatPiece('sp')), streams(chatPiece('sp'), 'data: {"choices": [{"del\n\n', DONE), chatAnswers)
  expect(await (await open(baseUrl)).complete(request)).toMatchObject({ text: 'spam', tries: 4 })
  expect(bodies).toHaveLength(4)
})

test.each([
  ['dies in mid-stream', breaksOffAfter(chatPiece('so '), chatPiece('far')), 'closed the connection in the middle of its answer'],
  ['ends without saying so', streams(chatPiece('so '), chatPiece('far')), 'ended its answer without saying that it is whole'],
  ['sends what is not JSON', streams(chatPiece('so '), chatPiece('far'), 'data: oops\n\n', DONE), 'sent what is not JSON: oops'],
  ['tells an error in its stream', streams(chatPiece('so '), chatPiece('far'), event({ error: { message: 'GPU lost' } })), 'failed in its answer: GPU lost'],
])('an endpoint that always %s fails this call alone, and what it wrote is kept', async (_, handler, message) => {
  const { baseUrl, bodies } = await endpointThat(chatAnswers, handler)
  const model = await open(baseUrl, { mostTries: 2 })
  await model.complete(request)
  const failure = await model.complete(request).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(CallFailed)
  expect(failure).toMatchObject({ partial: 'so far', tries: 2, message: expect.stringContaining(message) as string })
  expect(bodies).toHaveLength(3)
})

test('headers that never come, and a stream that stalls, end at the deadline', async () => {
  const { baseUrl } = await endpointThat(chatAnswers, () => undefined, (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(chatPiece('half'))
  })
  const model = await open(baseUrl, { timeoutMs: 60, mostTries: 1 })
  await model.complete(request)
  await expect(model.complete(request)).rejects.toMatchObject({ message: expect.stringContaining('did not answer within 0.06 s') as string, partial: null })
  await expect(model.complete(request)).rejects.toMatchObject({ message: expect.stringContaining('did not answer within 0.06 s') as string, partial: 'half' })
})

test('an endpoint that never spoke ends the run with its message', async () => {
  const { baseUrl, bodies } = await endpointThat(fails(503, 'model is loading'))
  await expect((await open(baseUrl, { mostTries: 3 })).complete(request)).rejects.toThrow(new RunFailure('endpoint_failed', `${baseUrl}/chat/completions answered 503: model is loading (after 3 tries)`))
  expect(bodies).toHaveLength(3)
})

test('an endpoint that spoke and is gone ends the run after many calls in a row', async () => {
  const { baseUrl } = await endpointThat(chatAnswers, fails(500, 'down'))
  const model = await open(baseUrl, { mostTries: 1 })
  await model.complete(request)
  const ends = await Promise.all(Array.from({ length: 16 }, () => model.complete(request).catch((error: unknown) => error)))
  expect(ends.filter((error) => error instanceof CallFailed)).toHaveLength(15)
  expect(ends.find((error) => error instanceof RunFailure)).toMatchObject({ code: 'endpoint_failed', message: expect.stringContaining('16 calls in a row were given up') as string })
})

test.each([
  [401, 'bad key', 'answered 401: bad key. Check the key in the environment variable that apiKeyEnv names'],
  [400, 'unknown role', 'answered 400: unknown role'],
  [404, 'no such model', 'answered 404: no such model. Check the model name and the path of baseUrl'],
  [307, 'moved', 'sends the caller on to http://elsewhere/, which is not followed'],
])('a %i ends at once', async (status, message, shown) => {
  const { baseUrl, bodies } = await endpointThat(fails(status, message, status === 307 ? { location: 'http://elsewhere/' } : {}))
  await expect((await open(baseUrl)).complete(request)).rejects.toThrow(shown)
  expect(bodies).toHaveLength(1)
})

test('a refusal of one prompt among answered ones is about that prompt', async () => {
  const { baseUrl } = await endpointThat(chatAnswers, fails(400, 'invalid character in messages'))
  const model = await open(baseUrl)
  await model.complete(request)
  await expect(model.complete(request)).rejects.toBeInstanceOf(PromptRefused)
})

test.each(["This model's maximum context length is 4096 tokens", 'prompt is too long: 210000 tokens > 200000 maximum', 'The response was filtered by the content management policy'])('"%s" is the fault of that prompt', async (message) => {
  const { baseUrl } = await endpointThat(fails(400, message))
  await expect((await open(baseUrl)).complete(request)).rejects.toBeInstanceOf(PromptRefused)
})

test('out of money is not waited for', async () => {
  const { baseUrl, bodies } = await endpointThat(fails(429, 'You exceeded your quota, check billing'))
  await expect((await open(baseUrl)).complete(request)).rejects.toThrow('billing')
  expect(bodies).toHaveLength(1)
})

test('a base URL without its path is guessed at', async () => {
  const { baseUrl } = await endpointThat(fails(404, 'not found'))
  await expect((await open(baseUrl.replace('/v1', ''))).complete(request)).rejects.toThrow('The base URL usually ends in /v1')
})

test('a field that the endpoint refuses by name is left out from then on', async () => {
  const { baseUrl, bodies } = await endpointThat(fails(400, 'Unrecognized request argument: stream_options'), fails(400, "Use 'max_completion_tokens' instead."), chatAnswers)
  const model = await open(baseUrl)
  expect(await model.complete(request)).toMatchObject({ text: 'spam', tries: 1 })
  await model.complete(request)
  expect(bodies).toHaveLength(4)
  expect(Object.keys(bodies[3] ?? {})).toEqual(['model', 'messages', 'max_completion_tokens', 'temperature', 'stream'])
})

test('a connection that the server closed while it was idle is not a fault', async () => {
  let sockets = 0
  const server = createServer({ keepAliveTimeout: 1 }, (incoming, response) => {
    incoming.resume()
    incoming.on('end', () => chatAnswers(incoming, response))
  })
  server.on('connection', () => (sockets += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const model = await open(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, { mostTries: 1 })
  for (let call = 0; call < 20; call += 1) expect(await model.complete(request)).toMatchObject({ tries: 1 })
  expect(sockets).toBeGreaterThanOrEqual(1)
  server.closeAllConnections()
  server.close()
})

test('an endpoint that is not there is named', async () => {
  const gone = createServer()
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  const call = (await open(`http://127.0.0.1:${port}/v1`, { mostTries: 2 })).complete(request)
  await expect(call).rejects.toThrow(new RegExp(`${port}/v1/chat/completions cannot be reached \\(.*ECONNREFUSED`))
})

test('a missing key names its variable, and a key never shows in a message', async () => {
  await expect(open('http://127.0.0.1:1/v1', {}, { apiKeyEnv: 'GROQ_KEY' })).rejects.toMatchObject({ code: 'key_missing', message: expect.stringContaining('GROQ_KEY') as string })
  const { baseUrl } = await endpointThat(fails(401, 'Incorrect key provided: sk-very-secret'))
  const model = await open(baseUrl, { env: { K: 'sk-very-secret' } }, { apiKeyEnv: 'K' })
  await expect(model.complete(request)).rejects.toThrow('Incorrect key provided: [key]')
})
