import { Inject, Injectable } from '@nestjs/common'
import { HUMAN } from '../../experiments/metrics.js'
import type { Run } from '../contracts/index.js'
import { ScoreStore, type StoredColumns } from '../store/score-store.js'

/** Items kept in all; at about 100 bytes each some 50 MB. */
const MOST_ITEMS = 500_000

/**
 * Score columns of runs that are over, the most recently used ones: whoever pages through a
 * comparison asks for the same columns again and again. A run that is scored again or retried has
 * another attempt and another end, and so another key. What people say changes at any time and is read anew.
 */
@Injectable()
export class ColumnCache {
  readonly #columns = new Map<string, StoredColumns>()
  #items = 0

  constructor(@Inject(ScoreStore) private readonly scores: ScoreStore) {}

  async columns(run: Run, metric: string, options: { withTargets: boolean }): Promise<StoredColumns> {
    const columns = run.finishedAt === null || metric === HUMAN ? await this.scores.columns(run.id, metric, options) : await this.#kept(run, metric, options)
    return (await this.scores.isJudged(run.id)) ? { ...columns, metrics: [...columns.metrics, HUMAN] } : columns
  }

  async #kept(run: Run, metric: string, options: { withTargets: boolean }): Promise<StoredColumns> {
    const key = JSON.stringify([run.id, run.attempt, run.finishedAt, metric, options.withTargets])
    const known = this.#columns.get(key)
    const columns = known ?? (await this.scores.columns(run.id, metric, options))
    this.#forget(key)
    this.#columns.set(key, columns)
    this.#items += columns.itemIds.length
    // A Map keeps the order of insertion: the first is the one unused for longest.
    for (const oldest of this.#columns.keys()) {
      if (this.#items <= MOST_ITEMS) break
      this.#forget(oldest)
    }
    return columns
  }

  #forget(key: string): void {
    this.#items -= this.#columns.get(key)?.itemIds.length ?? 0
    this.#columns.delete(key)
  }
}
