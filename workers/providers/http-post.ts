/*
 * One request, a POST of JSON mostly, its answer read as it arrives, over connections that are kept alive. Redirects are
 * not followed, because a key must go only where the user sent it.
 */
import { Agent as PlainAgent, request as plainRequest, type IncomingMessage } from 'node:http'
import { Agent as SecureAgent, request as secureRequest } from 'node:https'

const agents = {
  plain: new PlainAgent({ keepAlive: true, scheduling: 'lifo' }),
  secure: new SecureAgent({ keepAlive: true, scheduling: 'lifo' }),
}
/** How a kept connection fails that the other side has closed meanwhile. */
const CLOSED = new Set(['ECONNRESET', 'EPIPE'])

export interface PostOptions {
  /** Left out: POST. */
  method?: string
  headers: Readonly<Record<string, string>>
  /** JSON, unless the headers say otherwise; left out where the method sends none. */
  body?: string
}

/** The call was not over, body and all, when its time was. */
export class DeadlinePassed extends Error {
  readonly code = 'ETIMEDOUT'
}

/** A call that can be ended at any moment: while connecting, waiting for headers or reading. */
export class Post {
  readonly response: Promise<IncomingMessage>
  private destroy: (reason: Error) => void = () => undefined

  constructor(url: string, options: PostOptions) {
    this.response = this.send(url, options)
  }

  /** Whoever waits for the response, or reads it, is told the reason. */
  abort(reason: Error): void {
    this.destroy(reason)
  }

  private send(url: string, options: PostOptions): Promise<IncomingMessage> {
    const { method = 'POST', headers, body } = options
    const about = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const isSecure = url.startsWith('https:')
    const request = isSecure ? secureRequest : plainRequest
    return new Promise((resolve, reject) => {
      const sent = request(url, {
        method,
        agent: isSecure ? agents.secure : agents.plain,
        headers: { ...about, 'user-agent': 'bancada', ...headers },
      })
      this.destroy = (reason) => sent.destroy(reason)
      sent.on('response', (response) => {
        this.destroy = (reason) => response.destroy(reason)
        resolve(response)
      })
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The server closed the connection before it saw the request: a new one is tried at once.
        if (sent.reusedSocket && CLOSED.has(error.code ?? '')) resolve(this.send(url, options))
        else reject(error)
      })
      sent.end(body)
    })
  }
}

/** Hands over the body piece by piece; resolves at its end. */
export function readBody(response: IncomingMessage, onChunk: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let hasFailed = false
    response.on('data', (chunk: Buffer) => {
      if (hasFailed) return
      try {
        onChunk(chunk)
      } catch (error) {
        hasFailed = true
        response.destroy()
        reject(error as Error)
      }
    })
    response.on('end', resolve)
    response.on('error', reject)
    // A connection that is lost ends neither way.
    response.on('close', () => reject(Object.assign(new Error('the connection was closed before the answer was whole'), { code: 'ECONNRESET' })))
  })
}

export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  await readBody(response, (chunk) => void chunks.push(chunk))
  return Buffer.concat(chunks).toString('utf8')
}
