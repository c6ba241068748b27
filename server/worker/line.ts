import { Inject, Injectable } from '@nestjs/common'
import type { Kind } from '../contracts/index.js'
import { RunDelivery } from '../delivery/run-delivery.js'
import type { TakeOptions } from '../queue/run-queue.js'
import { RunStore } from '../store/run-store.js'
import { Room } from './room.js'

/** The runs that wait, as a worker meets them: the next one, whether it has room for it, and back into the line. */
@Injectable()
export class Line {
  constructor(
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(RunDelivery) private readonly delivery: RunDelivery,
    @Inject(Room) private readonly room: Room,
  ) {}

  /** The kind whose run waits longest comes first; the others follow, for what arrives meanwhile. */
  async take(asked: readonly Kind[], options: TakeOptions): Promise<string | null> {
    const oldestFirst = await this.runs.waitingKinds(asked)
    return this.delivery.take([...new Set([...oldestFirst, ...asked])], options)
  }

  hasRoom(runId: string, worker: string): Promise<boolean> {
    return this.room.isThere(runId, worker)
  }

  /** It keeps its place. */
  async putBack(runId: string): Promise<void> {
    const waiting = (await this.runs.waiting()).find((run) => run.runId === runId)
    if (waiting !== undefined) await this.delivery.send([waiting])
  }
}
