/*
 * One POST of JSON, its answer read as it arrives, over connections that are kept alive. Redirects are
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
  headers: Readonly<Record<string, string>>
  body: string
  /** Ends the call at any moment: while connecting, waiting for headers or reading. */
  signal: AbortSignal
}

/** Resolves with status and headers; the caller reads the body. */
export function postJson(url: string, options: PostOptions): Promise<IncomingMessage> {
  const { headers, body, signal } = options
  const isSecure = url.startsWith('https:')
  const request = isSecure ? secureRequest : plainRequest
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      agent: isSecure ? agents.secure : agents.plain,
      signal,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'user-agent': 'bancada', ...headers },
    })
    sent.on('response', resolve)
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // The server closed the connection before it saw the request: a new one is tried at once.
      if (sent.reusedSocket && CLOSED.has(error.code ?? '') && !signal.aborted) resolve(postJson(url, options))
      else reject(error)
    })
    sent.end(body)
  })
}

export async function readText(answer: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of answer) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
