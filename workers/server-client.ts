/*
 * Speaks HTTP to the server: one try (`send`, `ask`), or as many as it takes (`persist`).
 * A refusal (4xx) is never retried; a network fault or a 5xx is, with growing pauses.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ErrorBodySchema } from '../server/contracts/index.js'

/** The server understood and said no: sending it again would not help. */
export class ServerRefusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.name = 'ServerRefusal'
    this.status = status
    this.code = code
  }

  /** The run belongs to another attempt, or is gone: whoever holds it must stop. */
  get meansFenced(): boolean {
    return this.status === 409 || this.status === 404
  }
}

/** The server could not be reached, or could not do it now. */
export class ServerUnavailable extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'ServerUnavailable'
  }
}

export interface RequestOptions {
  json?: unknown
  /** JSON that is text already. */
  text?: string
  /** A file's bytes: a Blob can be sent again. */
  blob?: Blob
  signal?: AbortSignal
  /** Deadline of one try. */
  timeoutMs?: number
}

export interface ServerClientOptions {
  baseUrl: string
  token: string | null
}

const DEFAULT_TIMEOUT_MS = 30_000
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 3_000

export class ServerClient {
  readonly baseUrl: string
  readonly token: string | null

  constructor(options: ServerClientOptions) {
    this.baseUrl = options.baseUrl.replace(/\/+$/, '')
    this.token = options.token
  }

  /** One try. @throws {ServerRefusal | ServerUnavailable}, or the signal's reason when aborted. */
  async send(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
    const { json, text, blob, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options
    const deadline = AbortSignal.timeout(timeoutMs)
    const headers: Record<string, string> = { accept: 'application/json' }
    if (this.token !== null) headers['authorization'] = `Bearer ${this.token}`
    if (json !== undefined || text !== undefined) headers['content-type'] = 'application/json'
    if (blob !== undefined) headers['content-type'] = 'application/octet-stream'
    let response: Response
    try {
      response = await fetch(this.baseUrl + path, {
        method,
        headers,
        body: json === undefined ? (text ?? blob) : JSON.stringify(json),
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      })
    } catch (cause) {
      signal?.throwIfAborted()
      throw new ServerUnavailable(`${this.baseUrl} does not answer (${describeFault(cause)})`, { cause })
    }
    if (response.ok) return response
    throw await faultOf(response, `${method} ${path}`)
  }

  /** One try; the JSON of the answer, null where it has no body. @throws as `send` */
  async ask(method: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    const response = await this.send(method, path, options)
    const text = await response.text().catch((cause: unknown) => {
      options.signal?.throwIfAborted()
      throw new ServerUnavailable(`${this.baseUrl} broke its answer off (${describeFault(cause)})`, { cause })
    })
    return text === '' ? null : parseAnswer(text, response.status, `${method} ${path}`)
  }

  /** Asks until it is answered, refused, or the signal aborts. */
  async persist(method: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.ask(method, path, options)
      } catch (fault) {
        if (!(fault instanceof ServerUnavailable)) throw fault
        await sleep(backoffMs(tries, FIRST_PAUSE_MS, LONGEST_PAUSE_MS), undefined, { signal: options.signal })
      }
    }
  }
}

/** Pause before try `tries + 2`: doubling, capped, between half and the whole of it so that many workers spread out. */
export function backoffMs(tries: number, firstMs: number, longestMs: number): number {
  return Math.min(firstMs * 2 ** tries, longestMs) * (0.5 + Math.random() / 2)
}

/** The reason under fetch's own "fetch failed": ECONNREFUSED and its like. */
export function describeFault(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault)
  const { cause } = fault
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message
  return cause instanceof Error ? cause.message || cause.name : fault.message
}

async function faultOf(response: Response, request: string): Promise<ServerRefusal | ServerUnavailable> {
  const text = await response.text().catch(() => '')
  const { code, message } = readErrorBody(text) ?? { code: `http_${response.status}`, message: `${request} was answered with ${response.status}: ${text.slice(0, 300)}` }
  const isPassing = response.status >= 500 || response.status === 408 || response.status === 429
  return isPassing ? new ServerUnavailable(message) : new ServerRefusal(response.status, code, message)
}

function parseAnswer(text: string, status: number, request: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ServerRefusal(status, 'not_json', `${request} was answered with text that is no JSON: ${text.slice(0, 300)}`)
  }
}

function readErrorBody(text: string): { code: string; message: string } | null {
  try {
    const body = ErrorBodySchema.safeParse(JSON.parse(text))
    return body.success ? body.data.error : null
  } catch {
    return null // Not JSON: a proxy's page; the caller shows its beginning.
  }
}
