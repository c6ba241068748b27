import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { RunFailure } from '../run-context.js'
import { PromptRefused, type CompletionRequest } from './chat-model.js'
import { openEndpoint, type OpenAiOptions } from './openai.js'

const request: CompletionRequest = { system: 'Be brief.', prompt: 'Label?', maxTokens: 8, temperature: 0, stop: [], seed: 1 }

/** An endpoint on a free port; each call is answered by the next handler, the last one again and again. */
async function endpointThat(...handlers: RequestListener[]): Promise<{ baseUrl: string; bodies: Record<string, unknown>[]; requests: IncomingMessage[] }> {
  const bodies: Record<string, unknown>[] = []
  const requests: IncomingMessage[] = []
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>)
      requests.push(incoming)
      handlers[Math.min(bodies.length, handlers.length) - 1]?.(incoming, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, bodies, requests }
}

function open(baseUrl: string, more: Partial<OpenAiOptions> & { apiKeyEnv?: string } = {}): ReturnType<typeof openEndpoint> {
  const { apiKeyEnv, ...options } = more
  return openEndpoint({ endpoint: { provider: 'openai', baseUrl, model: 'tiny', apiKeyEnv }, env: {}, concurrency: 1, timeoutMs: 2_000, firstPauseMs: 5, ...options })
}

function stream(response: ServerResponse, pieces: string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  for (const piece of pieces) response.write(piece)
  response.end()
}

const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
const piece = (content: string, finish_reason: string | null = null): unknown => ({ choices: [{ delta: { content }, finish_reason }] })
const answers: RequestListener = (_, response) =>
  stream(response, [': keep-alive\n\n', event({ choices: [{ delta: { role: 'assistant' } }] }), event(piece('sp')), event(piece('am', 'stop')), event({ choices: [], usage: { prompt_tokens: 11, completion_tokens: 2 } }), 'data: [DONE]\n\n'])
const fails = (status: number, message: string, headers: Record<string, string> = {}): RequestListener => (_, response) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify({ error: { message } }))
}

test('streams an answer and takes the tokens from the usage', async () => {
  const { baseUrl, bodies, requests } = await endpointThat(answers)
  const completion = await open(baseUrl, { apiKeyEnv: 'TINY_KEY', env: { TINY_KEY: 'secret-1' } }).complete(request)
  expect(completion).toMatchObject({ text: 'spam', tokensIn: 11, tokensOut: 2, finishReason: 'stop', tries: 1 })
  expect(completion.ttftMs).toBeGreaterThan(0)
  expect(completion.ttftMs).toBeLessThanOrEqual(completion.latencyMs)
  expect(requests[0]?.url).toBe('/v1/chat/completions')
  expect(requests[0]?.headers.authorization).toBe('Bearer secret-1')
  expect(bodies[0]).toEqual({
    model: 'tiny',
    messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Label?' }],
    max_tokens: 8,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
  })
})

test('reads events cut anywhere, CRLF lines and letters split between packets', async () => {
  const bytes = Buffer.from(`data: ${JSON.stringify(piece('ação ✓', 'stop'))}\r\n\r\ndata: [DONE]\r\n\r\n`)
  const { baseUrl } = await endpointThat(async (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const byte of bytes) {
      response.write(Buffer.of(byte))
      if (byte > 127) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    response.end()
  })
  expect(await open(baseUrl).complete(request)).toMatchObject({ text: 'ação ✓', tokensIn: null, tokensOut: null })
})

test('takes an answer in one piece, without a time to the first token', async () => {
  const { baseUrl } = await endpointThat((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ choices: [{ message: { content: 'ham' }, finish_reason: 'stop' }], usage: { prompt_tokens: 3, completion_tokens: 1 } }))
  })
  expect(await open(baseUrl).complete(request)).toMatchObject({ text: 'ham', ttftMs: null, tokensIn: 3, tokensOut: 1 })
})

test('waits as long as a 429 asks, then tries again', async () => {
  const { baseUrl, bodies } = await endpointThat(fails(429, 'slow down', { 'retry-after': '0.3' }), answers)
  const startedAt = performance.now()
  const retries: string[] = []
  expect(await open(baseUrl, { onRetry: (message) => retries.push(message) }).complete(request)).toMatchObject({ text: 'spam', tries: 2 })
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(295)
  expect(bodies).toHaveLength(2)
  expect(retries[0]).toContain('slow down')
})

test('half an answer is tried again, and never passed off as a whole one', async () => {
  const breaksOff: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(event(piece('sp')))
    setTimeout(() => response.destroy(), 20)
  }
  const endsEarly: RequestListener = (_, response) => stream(response, [event(piece('sp'))])
  const { baseUrl, bodies } = await endpointThat(breaksOff, endsEarly, answers)
  expect(await open(baseUrl).complete(request)).toMatchObject({ text: 'spam', tries: 3 })
  expect(bodies).toHaveLength(3)
})

test('gives up after its tries with the message of the endpoint', async () => {
  const { baseUrl, bodies } = await endpointThat(fails(503, 'model is loading'))
  await expect(open(baseUrl, { mostTries: 3 }).complete(request)).rejects.toThrow(`${baseUrl}/chat/completions answered 503: model is loading (after 3 tries)`)
  expect(bodies).toHaveLength(3)
})

test.each([
  [401, 'bad key', 'answered 401: bad key. Check the key in the environment variable that apiKeyEnv names'],
  [400, 'unknown role', 'answered 400: unknown role'],
  [404, 'no such model', 'answered 404: no such model. Check the model name and the path of baseUrl'],
])('a %i ends at once', async (status, message, shown) => {
  const { baseUrl, bodies } = await endpointThat(fails(status, message))
  await expect(open(baseUrl).complete(request)).rejects.toThrow(shown)
  expect(bodies).toHaveLength(1)
})

test('out of money is not waited for', async () => {
  const { baseUrl, bodies } = await endpointThat(fails(429, 'You exceeded your quota, check billing'))
  await expect(open(baseUrl).complete(request)).rejects.toThrow('billing')
  expect(bodies).toHaveLength(1)
})

test('a base URL without its path is guessed at', async () => {
  const { baseUrl } = await endpointThat(fails(404, 'not found'))
  await expect(open(baseUrl.replace('/v1', '')).complete(request)).rejects.toThrow('The base URL usually ends in /v1')
})

test('a prompt that is too long is the fault of that prompt', async () => {
  const { baseUrl } = await endpointThat(fails(400, "This model's maximum context length is 4096 tokens"))
  await expect(open(baseUrl).complete(request)).rejects.toBeInstanceOf(PromptRefused)
})

test('a field that the endpoint refuses by name is left out from then on', async () => {
  const { baseUrl, bodies } = await endpointThat(fails(400, 'Unrecognized request argument: stream_options'), fails(400, "Use 'max_completion_tokens' instead."), answers)
  const model = open(baseUrl)
  expect(await model.complete(request)).toMatchObject({ text: 'spam', tries: 1 })
  await model.complete(request)
  expect(bodies).toHaveLength(4)
  expect(Object.keys(bodies[3] ?? {})).toEqual(['model', 'messages', 'max_completion_tokens', 'temperature', 'stream'])
})

test('a call that takes longer than its deadline is tried again', async () => {
  const { baseUrl, bodies } = await endpointThat(() => undefined)
  await expect(open(baseUrl, { timeoutMs: 60, mostTries: 2 }).complete(request)).rejects.toThrow('did not answer within 0.06 s')
  expect(bodies).toHaveLength(2)
})

test('an endpoint that is not there is named', async () => {
  const gone = createServer()
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  const call = open(`http://127.0.0.1:${port}/v1`, { mostTries: 2 }).complete(request)
  await expect(call).rejects.toThrow(new RegExp(`${port}/v1/chat/completions cannot be reached \\(.*ECONNREFUSED`))
})

test('a missing key names its variable, and a key never shows in a message', async () => {
  expect(() => open('http://127.0.0.1:1/v1', { apiKeyEnv: 'GROQ_KEY' })).toThrow(RunFailure)
  expect(() => open('http://127.0.0.1:1/v1', { apiKeyEnv: 'GROQ_KEY' })).toThrow('GROQ_KEY')
  const { baseUrl } = await endpointThat(fails(401, 'Incorrect key provided: sk-very-secret'))
  await expect(open(baseUrl, { apiKeyEnv: 'K', env: { K: 'sk-very-secret' } }).complete(request)).rejects.toThrow('Incorrect key provided: [key]')
})
