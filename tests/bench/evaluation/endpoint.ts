/*
 * The endpoint of the bench, in a process of its own: chat/completions on a free port, each answer after
 * 20 ms, streamed where a stream is asked for. What is answered depends on the prompt alone.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serveRequests } from '../frame/contestant.js'

const DELAY_MS = 20
let calls = 0

const server = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8')
  request.on('data', (chunk: string) => {
    body += chunk
  })
  request.on('end', () => setTimeout(() => answer(body, request, response), DELAY_MS))
})

function answer(body: string, _request: IncomingMessage, response: ServerResponse): void {
  calls += 1
  const { messages, stream } = JSON.parse(body) as { messages: { content: string }[]; stream?: boolean }
  const digits = /(\d+) \+ (\d+)/.exec(messages.at(-1)?.content ?? '')
  const content = `The sum is ${Number(digits?.[1]) + Number(digits?.[2])}`
  const usage = { prompt_tokens: 20, completion_tokens: 6, total_tokens: 26 }
  if (stream !== true) {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ id: 'x', object: 'chat.completion', model: 'bench', choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }], usage }))
    return
  }
  const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(event({ choices: [{ index: 0, delta: { role: 'assistant', content: content.slice(0, 8) }, finish_reason: null }] }))
  response.end(`${event({ choices: [{ index: 0, delta: { content: content.slice(8) }, finish_reason: null }] })}${event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })}${event({ choices: [], usage })}data: [DONE]\n\n`)
}

await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
await serveRequests(async () => ({ port: (server.address() as AddressInfo).port, calls }))
