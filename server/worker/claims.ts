import { setTimeout } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import type { Assignment, ClaimRequest, EnvironmentReport, Finish, Heartbeat, HeartbeatAnswer } from '../contracts/index.js'
import { RunDelivery } from '../delivery/run-delivery.js'
import { PriceTable } from '../providers/price-table.js'
import { SETTINGS, type Settings } from '../settings.js'
import { ClaimStore } from '../store/claim-store.js'
import { Line } from './line.js'

/** How soon a queue that goes on is noticed. */
const PAUSE_CHECK_MS = 500
/** How soon room that a run has left is noticed. */
const ROOM_CHECK_MS = 500

/** Brings runs from the queue to workers and, when given back, to the queue again. */
@Injectable()
export class Claims {
  readonly #closed = new AbortController()

  constructor(
    @Inject(ClaimStore) private readonly claims: ClaimStore,
    @Inject(Line) private readonly line: Line,
    @Inject(RunDelivery) private readonly delivery: RunDelivery,
    @Inject(PriceTable) private readonly prices: PriceTable,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /**
   * The next run for a worker, or null when none came within the wait. A message only names a run;
   * whether it still waits is for its row to say, so a message too many leads nowhere.
   */
  async next(request: ClaimRequest, signal: AbortSignal): Promise<Assignment | null> {
    const deadline = Date.now() + request.waitMs
    const stopped = AbortSignal.any([signal, this.#closed.signal])
    while (!stopped.aborted) {
      await this.claims.assertWritable()
      if (await this.claims.isPaused()) {
        if (Date.now() >= deadline) return null
        await pause(Math.min(PAUSE_CHECK_MS, deadline - Date.now()), stopped)
        continue
      }
      const runId = await this.line.take(request.kinds, { waitMs: Math.max(0, deadline - Date.now()), signal: stopped })
      if (runId === null) return null
      // Whoever waited for a message while the queue was paused must not take it.
      if (stopped.aborted || (await this.claims.isPaused())) await this.line.putBack(runId)
      else if (!(await this.line.hasRoom(runId, request.worker))) {
        // It waits for another worker, or until this one has ended a run.
        await this.line.putBack(runId)
        if (Date.now() >= deadline) return null
        await pause(Math.min(ROOM_CHECK_MS, deadline - Date.now()), stopped)
      } else {
        const assignment = await this.claims.claim(runId, request.worker, this.settings.heartbeatMs)
        if (assignment !== null) return { ...assignment, prices: await this.prices.current() }
      }
    }
    return null
  }

  async finish(runId: string, finish: Finish): Promise<void> {
    const waiting = await this.claims.finish(runId, finish)
    if (waiting !== null) await this.delivery.send([waiting])
  }

  heartbeat(runId: string, heartbeat: Heartbeat): Promise<HeartbeatAnswer> {
    return this.claims.heartbeat(runId, heartbeat.attempt, heartbeat.progress)
  }

  environment(runId: string, report: EnvironmentReport): Promise<void> {
    return this.claims.reportEnvironment(runId, report.attempt, report.environment)
  }

  /** From here on nobody is given a run; whoever waits is answered at once. */
  close(): void {
    this.#closed.abort()
  }
}

/** Ends early when whoever waits has left. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined)
}
