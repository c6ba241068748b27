import { Inject, Injectable } from '@nestjs/common'
import type { Dataset } from '../../datasets/reader.js'
import { estimate } from '../../experiments/estimate.js'
import { expandRuns } from '../../experiments/expand.js'
import type { ModelFacts } from '../../experiments/model-facts.js'
import { tooLarge, trainingNeedOf } from '../../experiments/training-need.js'
import { AppError, EndpointSchema, type Estimate, type ExperimentSpec, type Kind, type ParameterValue } from '../contracts/index.js'
import { PriceTable } from '../providers/price-table.js'
import { SETTINGS, type Settings } from '../settings.js'
import { TimingStore } from '../store/timing-store.js'
import { WorkerStore } from '../store/worker-store.js'
import { documentSizes, meanItemCharacters } from './item-length.js'
import { machineOf } from './machines.js'
import { modelFacts } from './model-folders.js'

/** Kinds whose pace tells of each other's. */
const TRAINING: readonly Kind[] = ['lora', 'pretrain']

/** What is said before an experiment is queued, beside its file and its dataset: what it would take, and whether some worker has room for it. */
@Injectable()
export class Preflight {
  constructor(
    @Inject(PriceTable) private readonly prices: PriceTable,
    @Inject(WorkerStore) private readonly workers: WorkerStore,
    @Inject(TimingStore) private readonly timings: TimingStore,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** From the file, the dataset's size, and what was measured here before. */
  async estimate(spec: ExperimentSpec, dataset: Dataset): Promise<Estimate> {
    const isTraining = TRAINING.includes(spec.kind)
    const named = expandRuns(spec).map(({ params }) => EndpointSchema.safeParse(params['model']).data?.model ?? String(params['model']))
    const [pastRuns, workers, itemCharacters, documents] = await Promise.all([this.timings.pastRuns(isTraining ? TRAINING : [spec.kind], [...new Set(named)]), this.workers.list(), meanItemCharacters(dataset), spec.kind === 'rag' ? documentSizes(dataset) : undefined])
    const alive = workers.filter((worker) => worker.alive)
    const models = await this.#facts(isTraining ? [...named, ...pastRuns.map(({ params }) => String(params['model']))] : [])
    return estimate(spec, { datasetSizes: dataset.splits, models, evidence: { pastRuns, machineOf: (device) => machineOf(device, alive) }, ...(itemCharacters === undefined ? {} : { itemCharacters }), ...(documents === undefined ? {} : { documents }) })
  }

  /** Throws AppError `invalid_spec`. Nothing is refused on a guess: not while no worker is at work, and not for models unknown here. */
  async check(spec: ExperimentSpec, runs: readonly { params: Record<string, ParameterValue> }[]): Promise<void> {
    await this.prices.assertSound()
    const largest = await this.#largestWorker()
    if (largest === null) return
    const models = await this.#facts(spec.kind === 'lora' ? runs.map(({ params }) => String(params['model'])) : [])
    for (const { params } of runs) {
      const need = params['device'] === 'cpu' ? trainingNeedOf(spec, params, models) : null
      const why = need === null ? null : tooLarge(need, { haveBytes: largest.bytes, where: `the largest worker, ${largest.name},` })
      if (why !== null) throw new AppError('invalid_spec', `The experiment fits no worker: ${why}`, { problems: [{ path: 'fixed', message: why }] })
    }
  }

  /** Of the local models with these names, as far as this machine has them. */
  async #facts(names: readonly string[]): Promise<Map<string, ModelFacts>> {
    const models = new Map<string, ModelFacts>()
    for (const name of new Set(names)) {
      const facts = await modelFacts(name, this.settings)
      if (facts !== null) models.set(name, facts)
    }
    return models
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
