/*
 * How many calls one endpoint takes from all runs together, learned as TCP learns a link's capacity
 * (additive increase, multiplicative decrease: Chiu & Jain 1989, doi 10.1016/0169-7552(89)90019-6):
 * one more in flight per window of answers, half of them after a 429 or 5xx. Each run holds a share on
 * lease. A share is granted only out of what the others do not hold, so the shares never add up to more
 * than the limit had room for; after a cut each run learns its smaller share at its next report.
 */

export interface ShareRequest {
  /** Calls in flight that the run could use; 0 gives its share back. */
  wanted: number
  inFlight: number
  /** Since its last report. */
  answered: number
  throttled: number
  overloaded: number
  /** The longest pause that the endpoint asked for. */
  retryAfterMs: number | null
}

export interface Share {
  share: number
  /** No call before this has passed. */
  pauseMs: number
}

interface Lease {
  wanted: number
  /** Granted, or still in flight if that is more. */
  held: number
  /** Over its life; who had least comes first when there is not enough for all. */
  answered: number
  untilMs: number
}

/** A run that says nothing for this long holds nothing any more; it stops calling before that. */
export const LEASE_MS = 10_000
/** Calls that were in flight at a cut still fail or are answered, and say nothing of the new limit. */
const SETTLE_MS = 1_000

export class EndpointLimit {
  private readonly leases = new Map<string, Lease>()
  private limit = 0
  private pausedUntilMs = 0
  private settledAtMs = 0

  /** Runs that hold a share, or wait for one. */
  get runs(): number {
    return this.leases.size
  }

  /** @param nowMs of any clock that only rises */
  exchange(runId: string, request: ShareRequest, nowMs: number): Share {
    this.dropExpired(nowMs)
    if (request.wanted === 0) {
      this.leases.delete(runId)
      return { share: 0, pauseMs: 0 }
    }
    const lease = this.leases.get(runId) ?? { wanted: 0, held: 0, answered: 0, untilMs: 0 }
    this.leases.set(runId, lease)
    Object.assign(lease, { wanted: request.wanted, answered: lease.answered + request.answered, untilMs: nowMs + LEASE_MS })
    // The first word on this endpoint is the user's: concurrency of the run that comes first.
    if (this.limit === 0) this.limit = request.wanted
    this.learn(request, nowMs)
    const share = Math.max(0, Math.min(this.fairShare(runId), Math.floor(this.limit) - this.heldByOthers(runId)))
    lease.held = Math.max(share, request.inFlight)
    return { share, pauseMs: Math.max(0, this.pausedUntilMs - nowMs) }
  }

  describe(nowMs: number): { limit: number; inUse: number; runs: number; pauseMs: number } {
    this.dropExpired(nowMs)
    const inUse = [...this.leases.values()].reduce((sum, { held }) => sum + held, 0)
    return { limit: Math.floor(this.limit), inUse, runs: this.runs, pauseMs: Math.max(0, this.pausedUntilMs - nowMs) }
  }

  private learn({ answered, throttled, overloaded, retryAfterMs }: ShareRequest, nowMs: number): void {
    if (retryAfterMs !== null) this.pausedUntilMs = Math.max(this.pausedUntilMs, nowMs + retryAfterMs)
    if (throttled + overloaded > 0) {
      if (nowMs >= this.settledAtMs) this.limit = Math.max(1, Math.floor(this.limit / 2))
      this.settledAtMs = Math.max(this.settledAtMs, nowMs + SETTLE_MS, this.pausedUntilMs)
      return
    }
    if (nowMs < this.settledAtMs) return
    const ceiling = [...this.leases.values()].reduce((sum, { wanted }) => sum + wanted, 0)
    if (this.limit < ceiling) this.limit = Math.min(ceiling, this.limit + answered / this.limit)
  }

  /** Max-min fair: nobody gets more than it wants, and what it leaves goes to the others in equal parts. */
  private fairShare(runId: string): number {
    let left = Math.floor(this.limit)
    const waiting = [...this.leases].sort(([, a], [, b]) => a.wanted - b.wanted || a.answered - b.answered)
    const shares = new Map<string, number>()
    waiting.forEach(([id, { wanted }], index) => {
      const share = Math.min(wanted, Math.floor(left / (waiting.length - index)))
      shares.set(id, share)
      left -= share
    })
    // What whole numbers leave over goes to those that were answered least.
    for (const [id, { wanted }] of waiting.toSorted(([, a], [, b]) => a.answered - b.answered)) {
      if (left > 0 && (shares.get(id) ?? 0) < wanted) {
        shares.set(id, (shares.get(id) ?? 0) + 1)
        left -= 1
      }
    }
    return shares.get(runId) ?? 0
  }

  private heldByOthers(runId: string): number {
    let held = 0
    for (const [id, lease] of this.leases) if (id !== runId) held += lease.held
    return held
  }

  private dropExpired(nowMs: number): void {
    for (const [id, { untilMs }] of this.leases) if (untilMs < nowMs) this.leases.delete(id)
  }
}
