import { Injectable } from '@nestjs/common'
import type { ShareAnswer, ShareReport } from '../contracts/index.js'
import { EndpointLimit } from './endpoint-limit.js'

/** What was learned of an endpoint is kept this long after its last call. */
const FORGET_MS = 600_000

/**
 * The limits of all endpoints that runs of this server call. They live in memory: after a restart they
 * are learned again, and several servers on one database each learn their own.
 */
@Injectable()
export class EndpointLimits {
  readonly #limits = new Map<string, { limit: EndpointLimit; usedMs: number }>()

  exchange(runId: string, { endpoint, ...request }: ShareReport): ShareAnswer {
    const now = performance.now()
    for (const [id, { usedMs }] of this.#limits) if (now - usedMs > FORGET_MS) this.#limits.delete(id)
    const known = this.#limits.get(endpoint)?.limit ?? new EndpointLimit()
    this.#limits.set(endpoint, { limit: known, usedMs: now })
    return known.exchange(runId, request, now)
  }

  list(): { endpoint: string; limit: number; inUse: number; runs: number; pauseMs: number }[] {
    const now = performance.now()
    return [...this.#limits].map(([endpoint, { limit }]) => ({ endpoint, ...limit.describe(now) }))
  }
}
