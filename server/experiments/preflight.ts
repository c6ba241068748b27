import { Inject, Injectable } from '@nestjs/common'
import { trainingNeedOf } from '../../experiments/estimate.js'
import { expandRuns } from '../../experiments/expand.js'
import type { ModelFacts } from '../../experiments/model-facts.js'
import { tooLarge } from '../../experiments/training-need.js'
import { AppError, type ExperimentSpec, type ParameterValue } from '../contracts/index.js'
import { PriceTable } from '../providers/price-table.js'
import { SETTINGS, type Settings } from '../settings.js'
import { WorkerStore } from '../store/worker-store.js'
import { modelFacts } from './model-folders.js'

/** What must hold before an experiment is queued, beside its file and its dataset: the price table, and room in some worker. */
@Injectable()
export class Preflight {
  constructor(
    @Inject(PriceTable) private readonly prices: PriceTable,
    @Inject(WorkerStore) private readonly workers: WorkerStore,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** Facts of the local models that the runs name, as far as this machine has them. */
  async modelsOf(spec: ExperimentSpec): Promise<Map<string, ModelFacts>> {
    const names = spec.kind === 'lora' ? new Set(expandRuns(spec).map(({ params }) => String(params['model']))) : []
    const models = new Map<string, ModelFacts>()
    for (const name of names) {
      const facts = await modelFacts(name, this.settings)
      if (facts !== null) models.set(name, facts)
    }
    return models
  }

  /** Throws AppError `invalid_spec`. Nothing is refused on a guess: not while no worker is at work, and not for models unknown here. */
  async check(spec: ExperimentSpec, runs: readonly { params: Record<string, ParameterValue> }[]): Promise<void> {
    await this.prices.assertSound()
    const largest = await this.#largestWorker()
    if (largest === null) return
    const models = await this.modelsOf(spec)
    for (const { params } of runs) {
      const need = params['device'] === 'cpu' ? trainingNeedOf(spec, params, models) : null
      const why = need === null ? null : tooLarge(need, { haveBytes: largest.bytes, where: `the largest worker, ${largest.name},` })
      if (why !== null) throw new AppError('invalid_spec', `The experiment fits no worker: ${why}`, { problems: [{ path: 'fixed', message: why }] })
    }
  }

  async #largestWorker(): Promise<{ name: string; bytes: number } | null> {
    const alive = (await this.workers.list()).filter(({ alive }) => alive)
    const sized = alive.flatMap(({ name, devices }) => {
      const bytes = devices.find(({ kind }) => kind === 'cpu')?.memoryBytes
      return bytes == null ? [] : [{ name, bytes }]
    })
    return sized.toSorted((a, b) => b.bytes - a.bytes)[0] ?? null
  }
}
