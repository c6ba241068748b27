/* Where replies are kept and found again: on the server, so that every run and every worker has them. */
import type { ResponseList, StoredResponse } from '../../server/contracts/index.js'
import { Batcher } from '../batcher.js'
import type { ServerAccess } from '../run-context.js'

export interface ReplyShelf {
  /** What is not stored is the caller's to ask, unless another run is asking for it now. */
  find(key: string): Promise<StoredResponse | 'asked' | null>
  /** As `find`, for a reply that the caller would not ask for under this key. */
  peek(key: string): Promise<StoredResponse | null>
  /** Resolves when the reply is stored for good. */
  keep(response: StoredResponse): Promise<void>
}

/** Items go ahead of their calls, so nobody waits for these; each batch costs the server a statement. */
const LINGER_MS = 50
const ENOUGH = 250
const MOST_KEYS = 1_000
const MOST_REPLIES = 500
const MOST_CHARACTERS = 2_000_000

export function serverShelf(server: Pick<ServerAccess, 'postJson'>, runId: string): ReplyShelf {
  const finding = lookUp(server, { runId })
  const peeking = lookUp(server, {})
  const keeping = new Batcher<StoredResponse, void>({
    most: MOST_REPLIES,
    mostWeight: MOST_CHARACTERS,
    weigh: ({ body }) => charactersIn(body['text'] ?? body['vector']),
    lingerMs: LINGER_MS,
    enough: ENOUGH,
    async run(responses) {
      await server.postJson(`/api/worker/runs/${encodeURIComponent(runId)}/responses`, { responses })
      return responses.map(() => undefined)
    },
  })
  return {
    find: (key) => finding.add(key),
    peek: async (key) => {
      const found = await peeking.add(key)
      return found === 'asked' ? null : found
    },
    keep: (response) => keeping.add(response),
  }
}

function charactersIn(value: unknown): number {
  return typeof value === 'string' ? value.length : 1_000
}

function lookUp(server: Pick<ServerAccess, 'postJson'>, by: { runId?: string }): Batcher<string, StoredResponse | 'asked' | null> {
  return new Batcher({
    most: MOST_KEYS,
    lingerMs: LINGER_MS,
    enough: ENOUGH,
    async run(keys) {
      // Each was held against its schema when it was stored, and what is in it is read by whoever asked.
      const { responses, asked = [] } = (await server.postJson('/api/worker/responses/find', { keys: [...new Set(keys)], ...by })) as ResponseList
      const byKey = new Map<string, StoredResponse | 'asked'>(responses.map((response) => [response.key, response]))
      for (const key of asked) byKey.set(key, 'asked')
      return keys.map((key) => byKey.get(key) ?? null)
    },
  })
}
