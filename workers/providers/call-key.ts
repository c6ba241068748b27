/* What makes two calls the same call. */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../canonical-json.js'
import type { CompletionRequest, ContinuationRequest } from './chat-model.js'
import type { ReplyKeys } from './paid-calls.js'

export interface CallScope {
  /** What makes the model's replies its own: provider, address and name, or the hash of its weights. */
  identity: unknown
  /** Calls of different repeats are different calls. */
  repeat: number
  /** The run that alone may find the reply; null: every run. */
  privateTo: string | null
  /** Whether replies of all runs may be read, where new ones stay private. */
  readsShared: boolean
}

/** A text whose vector is asked for. */
export interface EmbeddingRequest {
  text: string
}

type Request = CompletionRequest | ContinuationRequest | EmbeddingRequest

/** Makes keys of one scope: sha256 over all that is asked, as hex. A seed counts only where something is drawn. */
export function keysOf({ identity, repeat, privateTo, readsShared }: CallScope): (request: Request) => ReplyKeys {
  const prefixOf = (reader: string | null): string => canonicalJson({ identity, repeat, privateTo: reader })
  const [own, shared] = [prefixOf(privateTo), prefixOf(null)]
  const keyOf = (prefix: string, asked: string): string => createHash('sha256').update(prefix).update(asked).digest('hex')
  return (request) => {
    const asked = JSON.stringify(askedIn(request))
    return { own: keyOf(own, asked), shared: privateTo !== null && readsShared ? keyOf(shared, asked) : null }
  }
}

/** Everything asked, in one order. */
function askedIn(request: Request): unknown[] {
  if ('text' in request) return ['embed', request.text]
  const messages = request.messages.map(({ role, content }) => [role, content])
  if ('continuations' in request) return ['score', messages, request.continuations, ...(request.greedy === true ? ['greedy'] : []), ...(request.rolling === true ? ['rolling'] : [])]
  const { maxTokens, temperature, topK = null, topP = null, stop, seed, sample = 0, variables } = request
  return ['complete', messages, maxTokens, temperature, topK, topP, stop, temperature > 0 ? seed : null, sample, ...(variables === undefined ? [] : [variables])]
}
