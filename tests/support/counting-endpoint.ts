/** An endpoint in the test's own process, of chat and of embeddings, that knows of every call: who was asked what, when, and how many at a time. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface CountedCall {
  model: string
  prompt: string
  atMs: number
}

export interface CountingOptions {
  /** Null: it is never answered. */
  delayMs(call: CountedCall): number | null
  answer(call: CountedCall): string
  /** Seconds to wait, for a call that is turned away with 429; null answers it. */
  retryAfter?(call: CountedCall): number | null
}

export class CountingEndpoint implements AsyncDisposable {
  readonly calls: CountedCall[] = []
  readonly turnedAway: CountedCall[] = []
  /** Texts whose vectors were asked for, in any request. */
  readonly embedded: string[] = []
  embeddingRequests = 0
  mostInFlight = 0
  private inFlight = 0
  private readonly http = createServer((request, response) => this.receive(request, response))

  private constructor(private readonly options: CountingOptions) {}

  static async start(options: CountingOptions): Promise<CountingEndpoint> {
    const endpoint = new CountingEndpoint(options)
    await new Promise<void>((resolve) => endpoint.http.listen(0, '127.0.0.1', resolve))
    return endpoint
  }

  get baseUrl(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}/v1`
  }

  /** How often each prompt was asked of each model. */
  get timesAsked(): Map<string, number> {
    const times = new Map<string, number>()
    for (const { model, prompt } of this.calls) times.set(`${model}: ${prompt}`, (times.get(`${model}: ${prompt}`) ?? 0) + 1)
    return times
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.http.closeAllConnections()
    await new Promise((resolve) => this.http.close(resolve))
  }

  private receive(request: IncomingMessage, response: ServerResponse): void {
    this.inFlight += 1
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight)
    response.once('close', () => (this.inFlight -= 1))
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      const { model, messages, input } = JSON.parse(body) as { model: string; messages?: { content: string }[]; input?: string[] }
      const call = { model, prompt: messages?.at(-1)?.content ?? '', atMs: performance.now() }
      if (input !== undefined) {
        this.embedded.push(...input)
        this.embeddingRequests += 1
        after(this.options.delayMs(call), () => respondVectors(response, input))
        return
      }
      const seconds = this.options.retryAfter?.(call) ?? null
      if (seconds === null) this.calls.push(call)
      else this.turnedAway.push(call)
      after(seconds === null ? this.options.delayMs(call) : 0, () => this.respond(response, call, seconds))
    })
  }

  private respond(response: ServerResponse, call: CountedCall, retryAfter: number | null): void {
    if (retryAfter !== null) {
      response.writeHead(429, { 'content-type': 'application/json', 'retry-after': String(retryAfter) })
      response.end(JSON.stringify({ error: { message: 'too many calls' } }))
      return
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ choices: [{ message: { content: this.options.answer(call) }, finish_reason: 'stop' }], usage: { prompt_tokens: 20, completion_tokens: 1 } }))
  }
}

function after(delayMs: number | null, answer: () => void): void {
  if (delayMs !== null) setTimeout(answer, delayMs)
}

/** Letters counted, so that like texts have like vectors; a token for each letter. */
function respondVectors(response: ServerResponse, input: readonly string[]): void {
  const data = input.map((text, index) => {
    const embedding = Array.from({ length: 27 }, () => 0)
    for (const letter of text.toLowerCase()) {
      const place = /[a-z]/.test(letter) ? letter.charCodeAt(0) - 97 : 26
      embedding[place] = (embedding[place] ?? 0) + 1
    }
    return { index, embedding }
  })
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ data, usage: { prompt_tokens: input.join('').length } }))
}
