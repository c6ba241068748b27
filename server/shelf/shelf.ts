import { Inject, Injectable } from '@nestjs/common'
import { ArtifactStore } from '../artifacts/artifact-store.js'
import type { PurgeAnswer } from '../contracts/index.js'
import { ShelfStore } from '../store/shelf-store.js'

const DAY_MS = 24 * 3_600_000
/** Long enough for a colleague who comes back from a holiday week to miss something. */
export const KEPT_DAYS = 7

/** Where deleted experiments lie until they are brought back or purged. */
@Injectable()
export class Shelf {
  constructor(
    @Inject(ShelfStore) private readonly shelf: ShelfStore,
    @Inject(ArtifactStore) private readonly artifacts: ArtifactStore,
  ) {}

  delete(id: string): Promise<void> {
    return this.shelf.delete(id)
  }

  restore(id: string): Promise<void> {
    return this.shelf.restore(id)
  }

  /** Rows go before files, so what is named is always there. */
  async purge(keptDays: number): Promise<PurgeAnswer> {
    const purged = await this.shelf.purge(keptDays * DAY_MS)
    let freedBytes = 0
    for (const runId of purged.flatMap(({ runIds }) => runIds)) freedBytes += await this.artifacts.removeRun(runId)
    return { experiments: purged.map(({ id }) => id), freedBytes }
  }
}
