import { Inject, Injectable } from '@nestjs/common'
import { openDataset, type Dataset, listDatasets } from '../../datasets/reader.js'
import { errorCostIn, expectedCosts } from '../../experiments/expected-cost.js'
import { axisValues, expandRuns } from '../../experiments/expand.js'
import { datasetProblems } from '../../experiments/cell-rules.js'
import { metricsOf, primaryMetric } from '../../experiments/metrics.js'
import { racePlanOf } from '../../experiments/race-rules.js'
import { parseSearch } from '../../experiments/search-query.js'
import { parseExperiment } from '../../experiments/spec.js'
import { AppError, type CreatedExperiment, type Estimate, type Experiment, type ExperimentChange, type ExperimentOrder, type ExperimentPage, type ExperimentSpec, type Run, type SearchTerm } from '../contracts/index.js'
import { RunDelivery } from '../delivery/run-delivery.js'
import { datasetRoots, SETTINGS, type Settings } from '../settings.js'
import { ExperimentStore } from '../store/experiment-store.js'
import { RunStore } from '../store/run-store.js'
import { Preflight } from './preflight.js'

export interface ExperimentFile {
  text: string
  format: 'yaml' | 'json'
}

/** The list as it is asked for over HTTP. */
export interface ExperimentListing {
  limit: number
  offset: number
  before?: string | undefined
  q?: string | undefined
  kind?: string | undefined
  status?: string | undefined
  tag?: string | undefined
  sort: string
}

@Injectable()
export class ExperimentsService {
  /** Hashes of datasets that were read through without a fault. */
  readonly #valid = new Set<string>()

  constructor(
    @Inject(ExperimentStore) private readonly experiments: ExperimentStore,
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(RunDelivery) private readonly delivery: RunDelivery,
    @Inject(Preflight) private readonly preflight: Preflight,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** Checks all of the file and its dataset first; then rows and messages are stored at once, or nothing is. */
  async create(file: ExperimentFile): Promise<CreatedExperiment> {
    const { spec, dataset } = await this.#read(file)
    await this.#assertValid(dataset)
    const runs = expandRuns(spec)
    await this.preflight.check(spec, runs)
    const plan = {
      spec,
      datasetHash: dataset.hash,
      axes: Object.fromEntries(Object.entries(spec.axes).map(([name, axis]) => [name, axisValues(axis)])),
      metrics: metricsOf(spec, dataset.manifest.task),
      primaryMetric: primaryMetric(spec, dataset.manifest.task),
      runs,
      race: racePlanOf(spec, runs, dataset.splits),
    }
    const { created, waiting } = await this.experiments.create(plan, (stored, session) => this.delivery.sendWithin(session, stored))
    await this.delivery.sendStored(waiting)
    return created
  }

  async estimate(file: ExperimentFile): Promise<Estimate> {
    const { spec, dataset } = await this.#read(file)
    return this.preflight.estimate(spec, dataset)
  }

  async list({ q, kind, status, tag, sort, ...rest }: ExperimentListing): Promise<ExperimentPage> {
    const { terms, problems } = parseSearch(q ?? '')
    const [first] = problems
    if (first) throw new AppError('invalid_request', `The search is not understood: ${first.message}.`, { problems: problems.map(({ part, message }) => ({ path: 'query.q', message, seen: part })) })
    const fields: SearchTerm[] = Object.entries({ kind, status, tag }).flatMap(([field, text]) => (text === undefined ? [] : [{ on: 'field', field: field as 'kind', relation: '=', text, isNegated: false }]))
    const order = { by: sort.replace('-', '') as ExperimentOrder['by'], isDescending: sort.startsWith('-') }
    if (rest.before !== undefined && sort !== '-created') throw new AppError('invalid_request', `The page before is named by \`before\` only newest first; with sort=${sort} use offset.`)
    const { experiments, total } = await this.experiments.list({ ...rest, terms: [...terms, ...fields], order, limit: rest.limit + 1 })
    const page = experiments.slice(0, rest.limit)
    return { experiments: page, total, next: experiments.length > rest.limit ? (page.at(-1)?.id ?? null) : null }
  }

  /** @param about what an error costs, left out: as the file says; and the runs to tell of, left out: all */
  async read(id: string, { errorCostUsd, runIds }: { errorCostUsd?: number | undefined; runIds?: readonly string[] | undefined } = {}): Promise<Experiment> {
    const experiment = await this.experiments.read(id)
    const runs = runIds === undefined ? await this.runs.ofExperiment(id) : await this.#runsOf(id, runIds)
    const price = errorCostUsd ?? errorCostIn(experiment.spec) ?? null
    return { ...experiment, errorCostUsd: price, expectedCosts: price === null ? [] : expectedCosts(runs, experiment.primaryMetric, price), runs }
  }

  async #runsOf(id: string, runIds: readonly string[]): Promise<Run[]> {
    const runs = (await this.runs.readMany(runIds)).filter(({ experimentId }) => experimentId === id)
    const unknown = runIds.filter((runId) => !runs.some((run) => run.id === runId))
    if (unknown.length > 0) throw new AppError('not_found', `The experiment "${id}" has no run ${unknown.map((runId) => `"${runId}"`).join(', ')}.`)
    return runs
  }

  async change(id: string, change: ExperimentChange): Promise<Experiment> {
    await this.experiments.change(id, change)
    return this.read(id)
  }

  async cancel(id: string): Promise<Experiment> {
    const { kind, runs } = await this.read(id)
    const ended = await this.runs.cancel(runs.map((run) => run.id))
    await this.delivery.withdraw(ended.map((runId) => ({ runId, kind })))
    return this.read(id)
  }

  /** Every line is read; once for each hash, since equal hashes mean equal bytes. */
  async #assertValid(dataset: Dataset): Promise<void> {
    if (this.#valid.has(dataset.hash)) return
    await dataset.validate()
    this.#valid.add(dataset.hash)
  }

  async #read(file: ExperimentFile): Promise<{ spec: ExperimentSpec; dataset: Dataset }> {
    const roots = datasetRoots(this.settings)
    const names = (await listDatasets(roots)).map((listing) => listing.name)
    const spec = parseExperiment(file.text, { format: file.format, datasets: names })
    const dataset = await openDataset(spec.dataset, roots)
    const problems = datasetProblems(spec, dataset.manifest)
    const [first] = problems
    if (first) throw new AppError('invalid_spec', `The experiment does not fit its dataset: ${first.message}`, { problems })
    return { spec, dataset }
  }
}
