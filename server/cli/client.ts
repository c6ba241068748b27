import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { AppError, ErrorBodySchema } from '../contracts/index.js'

interface Body {
  text: string
  type: string
}

/** Speaks to a running server on behalf of the command line. */
export class Client {
  readonly server: string
  readonly #token: string | undefined

  constructor(server: string, token?: string) {
    this.server = server.replace(/\/+$/, '')
    this.#token = token
  }

  async get<T>(path: string): Promise<T> {
    return (await (await this.#request('GET', path)).json()) as T
  }

  post<T>(path: string, body?: Body): Promise<T> {
    return this.#send<T>('POST', path, body)
  }

  patch<T>(path: string, body: Body): Promise<T> {
    return this.#send<T>('PATCH', path, body)
  }

  delete<T>(path: string): Promise<T> {
    return this.#send<T>('DELETE', path)
  }

  /** Writes what is answered to a file, as it arrives; resolves to its sha256. */
  async download(path: string, file: string): Promise<string> {
    const response = await this.#request('GET', path)
    if (response.body === null) throw new AppError('internal', `GET ${path} was answered without a body`)
    const hash = createHash('sha256')
    const hashed = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunks) {
        hash.update(chunk)
        yield chunk
      }
    }
    try {
      await pipeline(Readable.fromWeb(response.body as ReadableStream<Uint8Array>), hashed, createWriteStream(file))
    } catch (cause) {
      throw new AppError('unavailable', `GET ${path} broke off: ${cause instanceof Error ? cause.message : cause}. Try again.`, { cause })
    }
    return hash.digest('hex')
  }

  async #send<T>(method: string, path: string, body?: Body): Promise<T> {
    const text = await (await this.#request(method, path, body)).text()
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  async #request(method: string, path: string, body?: Body): Promise<Response> {
    const headers: Record<string, string> = {}
    if (body) headers['content-type'] = body.type
    if (this.#token) headers['authorization'] = `Bearer ${this.#token}`
    let response: Response
    try {
      response = await fetch(this.server + path, { method, headers, ...(body ? { body: body.text } : {}) })
    } catch (cause) {
      throw new AppError('unavailable', `No Bancada server answers at ${this.server}. Start one with: npm start   (or name another with --server URL)`, { cause })
    }
    if (response.ok) return response
    throw await asError(response, `${method} ${path}`)
  }
}

async function asError(response: Response, what: string): Promise<AppError> {
  const text = await response.text()
  try {
    const { error } = ErrorBodySchema.parse(JSON.parse(text))
    return new AppError(error.code, error.message, error.problems ? { problems: error.problems } : {})
  } catch {
    return new AppError('internal', `${what} answered ${response.status}: ${text.slice(0, 300)}`)
  }
}
