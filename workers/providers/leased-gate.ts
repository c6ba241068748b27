/*
 * The gate of an endpoint that all runs of all workers share. The server knows the limit and leases this run
 * a share of it (server/providers/endpoint-limit.ts); here calls are counted, reported and admitted. While
 * the server is away the lease runs out and no call is made: its reply could not be stored either.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ShareAnswerSchema, type ShareReport } from '../../server/contracts/index.js'
import type { ServerAccess } from '../run-context.js'
import { CallGate, type Gate, type Outcome, type Permit } from './gate.js'

const REPORT_EVERY_MS = 300
/** Shorter than the server's, so that a share is never used after it was given to another. */
const LEASE_MS = 8_000

export interface LeaseOptions {
  server: Pick<ServerAccess, 'postJson'>
  runId: string
}

/** Gates by endpoint: one for each, whatever model behind it is called. */
export class LeasedGates {
  private readonly gates = new Map<string, LeasedGate>()

  constructor(private readonly options: LeaseOptions) {}

  gateFor(gateId: string, most: number): Gate {
    const gate = this.gates.get(gateId) ?? new LeasedGate(this.options, gateId)
    this.gates.set(gateId, gate)
    gate.want(most)
    return gate
  }

  /** Gives all shares back. */
  async close(): Promise<void> {
    await Promise.all([...this.gates.values()].map((gate) => gate.close()))
  }
}

class LeasedGate extends CallGate {
  private wanted = 0
  private counts = { answered: 0, throttled: 0, overloaded: 0 }
  private retryAfterMs: number | null = null
  private reporting: Promise<void> | null = null
  private hurry = new AbortController()
  private isClosed = false

  constructor(
    private readonly options: LeaseOptions,
    private readonly endpoint: string,
  ) {
    super(0)
  }

  want(most: number): void {
    this.wanted = Math.max(this.wanted, most)
  }

  override enter(options?: { first?: boolean; signal?: AbortSignal }): Promise<Permit> {
    const permit = super.enter(options)
    this.reporting ??= this.keepReporting()
    return permit
  }

  override async close(): Promise<void> {
    this.isClosed = true
    this.hurry.abort()
    await this.reporting
    await super.close()
  }

  protected override leave(outcome: Outcome): void {
    if (outcome.kind !== 'failed') this.counts[outcome.kind] += 1
    if (outcome.retryAfterMs !== null) this.retryAfterMs = Math.max(this.retryAfterMs ?? 0, outcome.retryAfterMs)
    super.leave(outcome)
    // The other runs must hear of it before they call again.
    if (outcome.kind === 'throttled' || outcome.kind === 'overloaded') this.hurry.abort()
  }

  private async keepReporting(): Promise<void> {
    while (!this.isClosed && this.callsInFlight + this.callsWaiting > 0) {
      await this.report(this.wanted)
      await sleep(REPORT_EVERY_MS, undefined, { signal: this.hurry.signal }).catch(() => undefined)
      this.hurry = new AbortController()
    }
    this.setShare(0)
    await this.report(0)
    this.reporting = null
    if (!this.isClosed && this.callsWaiting > 0) this.reporting = this.keepReporting()
  }

  private async report(wanted: number): Promise<void> {
    const report: ShareReport = { endpoint: this.endpoint, wanted, inFlight: this.callsInFlight, ...this.counts, retryAfterMs: this.retryAfterMs }
    this.counts = { answered: 0, throttled: 0, overloaded: 0 }
    this.retryAfterMs = null
    const expiry = setTimeout(() => this.setShare(0), LEASE_MS)
    try {
      const answer = ShareAnswerSchema.parse(await this.options.server.postJson(`/api/worker/runs/${encodeURIComponent(this.options.runId)}/share`, report))
      this.pauseFor(answer.pauseMs)
      this.setShare(wanted === 0 ? 0 : answer.share)
    } finally {
      clearTimeout(expiry)
    }
  }
}
