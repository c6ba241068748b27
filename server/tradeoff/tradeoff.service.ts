import { Inject, Injectable } from '@nestjs/common'
import type { ComparedRun } from '../../experiments/comparison.js'
import { describeMetric } from '../../experiments/metrics.js'
import { commonGround, type ItemGroup, restricted, tradeoffRuns } from '../../experiments/tradeoff.js'
import { AppError, type FinishedRunPage, type LeftOutRun, type Tradeoff, type TradeoffChoice } from '../contracts/index.js'
import { ColumnCache } from '../compare/column-cache.js'
import { TradeoffStore, type Candidate } from '../store/tradeoff-store.js'

export interface TradeoffQuery {
  dataset?: string | undefined
  metric?: string | undefined
  version?: string | undefined
  perHour?: number | undefined
}

/** The scores of all shared items of all runs stand in memory; a comparison takes as many. */
const MAX_RUNS = 200

@Injectable()
export class TradeoffService {
  constructor(
    @Inject(TradeoffStore) private readonly store: TradeoffStore,
    @Inject(ColumnCache) private readonly cache: ColumnCache,
  ) {}

  async read(query: TradeoffQuery): Promise<Tradeoff> {
    const choices = await this.store.choices()
    const perHourUsd = query.perHour ?? null
    const choice = chosen(choices, query)
    if (choice === null) return { dataset: null, metric: null, higherIsBetter: true, isShare: false, version: null, items: 0, perHourUsd, runs: [], leftOut: [], total: 0, choices }
    const { dataset, metric: id } = choice
    const [candidates, total] = await Promise.all([this.store.candidates(dataset, id, MAX_RUNS), this.store.count(dataset, id)])
    const metric = describeMetric(id, candidates.flatMap(({ run }) => run.summary?.metrics[id] ?? []))
    const version = query.version ?? mostUsedVersion(candidates)
    const current = candidates.filter(({ datasetHash }) => datasetHash === version)
    const { itemIds, holders } = await this.#ground(current)
    const shown = current.filter(({ itemsDigest }) => holders.has(itemsDigest))
    const served = await this.store.served(shown.map(({ run }) => run.id), itemIds)
    const runs: ComparedRun[] = []
    for (const { run } of shown) {
      const columns = await this.cache.columns(run, id, { withTargets: false })
      runs.push({ run, columns: restricted(columns, itemIds, served.get(run.id)) })
    }
    const points = tradeoffRuns({ metric, runs, perHourUsd })
    return {
      dataset, metric: id, higherIsBetter: metric.higherIsBetter, isShare: points.some(({ costBasis }) => costBasis !== null), version, items: itemIds.length, perHourUsd,
      runs: points,
      leftOut: await this.#leftOut(candidates, { version, holders, itemIds }),
      total, choices,
    }
  }

  async finished({ dataset, metric, limit, before }: { dataset: string; metric: string; limit: number; before?: string | undefined }): Promise<FinishedRunPage> {
    const runs = await this.store.page(dataset, metric, { limit: limit + 1, before: before ?? null })
    const page = runs.slice(0, limit)
    return { runs: page, next: runs.length > limit ? (page.at(-1)?.id ?? null) : null }
  }

  /** Item ids are read once for each set of items, not for each run. */
  async #ground(candidates: readonly Candidate[]): Promise<{ itemIds: string[]; holders: Set<string> }> {
    const sets = [...Map.groupBy(candidates, ({ itemsDigest }) => itemsDigest)]
    const groups: (ItemGroup & { digest: string })[] = []
    for (const [digest, same] of sets) groups.push({ digest, runs: same.length, itemIds: await this.store.itemIds(same[0]?.run.id ?? '') })
    const found = commonGround(groups)
    if (found === null) return { itemIds: [], holders: new Set() }
    return { itemIds: [...(groups[found.ground]?.itemIds ?? [])], holders: new Set(found.holders.flatMap((place) => groups[place]?.digest ?? [])) }
  }

  async #leftOut(candidates: readonly Candidate[], { version, holders, itemIds }: { version: string | null; holders: ReadonlySet<string>; itemIds: readonly string[] }): Promise<LeftOutRun[]> {
    const ground = new Set(itemIds)
    const shared = new Map<string, number>()
    const left: LeftOutRun[] = []
    for (const { run, datasetHash, itemsDigest } of candidates) {
      const about = { id: run.id, name: run.name, experimentName: run.experimentName, kind: run.kind }
      if (datasetHash !== version) left.push({ ...about, reason: 'other version', shared: null })
      else if (!holders.has(itemsDigest)) {
        const count = shared.get(itemsDigest) ?? (await this.store.itemIds(run.id)).filter((id) => ground.has(id)).length
        shared.set(itemsDigest, count)
        left.push({ ...about, reason: 'other items', shared: count })
      }
    }
    return left
  }
}

function chosen(choices: readonly TradeoffChoice[], { dataset, metric }: TradeoffQuery): { dataset: string; metric: string } | null {
  const choice = dataset === undefined ? choices[0] : choices.find((one) => one.dataset === dataset)
  if (choice === undefined) {
    if (dataset === undefined) return null
    throw new AppError('not_found', `No run on the dataset "${dataset}" has finished. Datasets with finished runs: ${choices.map((one) => one.dataset).join(', ') || 'none'}.`)
  }
  const known = metric === undefined ? choice.metrics[0] : choice.metrics.find(({ id }) => id === metric)
  if (known === undefined) throw new AppError('not_found', `No finished run on "${choice.dataset}" has the metric "${metric ?? ''}"; there are ${choice.metrics.map(({ id }) => id).join(', ')}.`)
  return { dataset: choice.dataset, metric: known.id }
}

/** Of equals the newest: candidates come newest first. */
function mostUsedVersion(candidates: readonly Candidate[]): string | null {
  const versions = [...Map.groupBy(candidates, ({ datasetHash }) => datasetHash)]
  return versions.reduce<[string, Candidate[]] | null>((best, one) => (best === null || one[1].length > best[1].length ? one : best), null)?.[0] ?? null
}
