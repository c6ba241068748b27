/* What makes two calls the same call. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../canonical-json.js'
import type { CompletionRequest, ContinuationRequest } from './chat-model.js'

export interface CallScope {
  /** What makes the model's replies its own: provider, address and name, or the hash of its weights. */
  identity: unknown
  /** Calls of different repeats are different calls. */
  repeat: number
  /** The run that alone may find the reply; null: every run. */
  privateTo: string | null
}

type Request = CompletionRequest | ContinuationRequest

/** Makes keys of one scope: sha256 over all that is asked, as hex. A seed counts only where something is drawn. */
export function keysOf(scope: CallScope): (request: Request) => string {
  const prefix = canonicalJson(scope)
  return (request) => createHash('sha256').update(prefix).update(JSON.stringify(askedIn(request))).digest('hex')
}

/** Everything asked, in one order. */
function askedIn(request: Request): unknown[] {
  const messages = request.messages.map(({ role, content }) => [role, content])
  if ('continuations' in request) return ['score', messages, request.continuations]
  const { maxTokens, temperature, topK = null, topP = null, stop, seed, sample = 0 } = request
  return ['complete', messages, maxTokens, temperature, topK, topP, stop, temperature > 0 ? seed : null, sample]
}
