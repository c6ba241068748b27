import { Inject, Injectable } from '@nestjs/common'
import { openDataset } from '../../datasets/reader.js'
import { metricsOf } from '../../experiments/metrics.js'
import { parseRescore, rescoredRun, rescoredSpec } from '../../experiments/rescore.js'
import { AppError, type Experiment, type ExperimentSpec, type RescoreAnswer, type RescoreRequest, type Run } from '../contracts/index.js'
import { RunDelivery } from '../delivery/run-delivery.js'
import { datasetRoots, SETTINGS, type Settings } from '../settings.js'
import { ExampleStore } from '../store/example-store.js'
import { ExperimentStore } from '../store/experiment-store.js'
import { RunStore } from '../store/run-store.js'
import type { ExperimentFile } from './experiments.service.js'

const ACTIVE: ReadonlySet<Run['status']> = new Set(['queued', 'running', 'waiting'])

/** Queues runs that score stored answers anew, as an experiment of their own: the runs they come from stay as they are. */
@Injectable()
export class RescoreService {
  constructor(
    @Inject(ExperimentStore) private readonly experiments: ExperimentStore,
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(ExampleStore) private readonly examples: ExampleStore,
    @Inject(RunDelivery) private readonly delivery: RunDelivery,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  async ofExperiment(id: string, file: ExperimentFile): Promise<RescoreAnswer> {
    const request = parseRescore(file.text, file.format)
    const tool = toolOf(await this.experiments.read(id))
    const [usable, leftOut] = await this.#usable(await this.runs.ofExperiment(id), tool)
    if (usable.length === 0) throw new AppError('conflict', `Experiment ${id} has no run with answers to score: ${leftOut[0]?.reason ?? 'it has no runs'}.`)
    return { ...(await this.#create(id, request, { runs: usable, single: null })), leftOut }
  }

  async ofRun(id: string, file: ExperimentFile): Promise<RescoreAnswer> {
    const request = parseRescore(file.text, file.format)
    const run = await this.runs.read(id)
    const [usable, leftOut] = await this.#usable([run], toolOf(await this.experiments.read(run.experimentId)))
    if (usable.length === 0) throw new AppError('conflict', `Run ${id} cannot be rescored: ${leftOut[0]?.reason ?? ''}.`)
    return { ...(await this.#create(run.experimentId, request, { runs: usable, single: run })), leftOut }
  }

  async #usable(runs: readonly Run[], tool: string | null): Promise<[Run[], RescoreAnswer['leftOut']]> {
    const usable: Run[] = []
    const leftOut: RescoreAnswer['leftOut'] = []
    for (const run of runs) {
      const reason = await this.#reasonAgainst(run, tool)
      if (reason === null) usable.push(run)
      else leftOut.push({ runId: run.id, reason })
    }
    return [usable, leftOut]
  }

  async #reasonAgainst(run: Run, tool: string | null): Promise<string | null> {
    if (run.kind !== 'prompt') return `it is a ${run.kind} run, and only answers of prompt runs have scorers`
    if (ACTIVE.has(run.status)) return `it is ${run.status}; wait until it is over, or cancel it`
    if (tool !== null) return (await this.examples.hasOutputs(run.id)) ? null : `it was imported from ${tool}, and its file held no outputs to score, only their scores`
    return (await this.examples.page(run.id, { offset: 0, limit: 1 })).total === 0 ? 'it has no answers' : null
  }

  async #create(experimentId: string, request: RescoreRequest, { runs, single }: { runs: readonly Run[]; single: Run | null }): Promise<Omit<RescoreAnswer, 'leftOut'>> {
    const experiment = await this.experiments.read(experimentId)
    const tool = toolOf(experiment)
    const { hash, metrics: before } = tool === null ? await this.#sameDataset(experiment, runs) : { hash: await this.experiments.datasetHash(experimentId), metrics: [] }
    const rescored = runs.map((run) => ({ run, ...rescoredRun(tool === null ? run : { ...run, params: { importedFrom: tool, ...run.params } }, before, request) }))
    const metrics = rescored[0]?.metrics ?? []
    const spec = rescoredSpec(experiment, request, { metrics, run: single })
    const plan = {
      spec: spec as unknown as ExperimentSpec,
      datasetHash: hash,
      axes: single === null ? experiment.axes : Object.fromEntries(Object.entries(single.varied).map(([name, value]) => [name, [value]])),
      metrics,
      primaryMetric: metrics[0] ?? '',
      runs: rescored.map(({ run: { cell, repeat, seed, name, varied, id, rescoredFrom }, params }) => ({ cell, repeat, seed, name, varied, params, rescoredFrom: rescoredFrom ?? id })),
      race: null,
    }
    const { created, waiting } = await this.experiments.create(plan, (stored, session) => this.delivery.sendWithin(session, stored))
    await this.delivery.sendStored(waiting)
    return created
  }

  /** The dataset that the runs answered, and the metrics by which they were scored. Imported answers bring their items along. */
  async #sameDataset(experiment: Pick<Experiment, 'dataset' | 'spec'>, runs: readonly Run[]): Promise<{ hash: string; metrics: readonly string[] }> {
    const dataset = await openDataset(experiment.dataset, datasetRoots(this.settings))
    const other = runs.find(({ environment }) => environment !== null && environment.datasetHash !== dataset.hash)
    if (other) throw new AppError('conflict', `Run ${other.id} answered dataset "${experiment.dataset}" with sha256 ${other.environment?.datasetHash ?? ''}, and its files now have ${dataset.hash}: put the former files back to score its answers anew.`)
    return { hash: dataset.hash, metrics: metricsOf(experiment.spec as ExperimentSpec, dataset.manifest.task) }
  }
}

/** The tool that the answers were imported from; null: they were given here. */
function toolOf({ spec }: Pick<Experiment, 'spec'>): string | null {
  const { imported } = spec as { imported?: { tool: string } }
  return imported?.tool ?? null
}
