import { Inject, Injectable } from '@nestjs/common'
import { compareRuns, type ComparedRun, type ComparisonRequest } from '../../experiments/comparison.js'
import { errorCostIn } from '../../experiments/expected-cost.js'
import { observedVariances, planItems, type PlanRequest, supposedVariances } from '../../experiments/plan.js'
import { selectItems, type SideFilter } from '../../experiments/sides.js'
import { AppError, type Comparison, type ComparisonExample, type ItemConditions, MOST_COMPARED_RUNS, type Plan, type Run } from '../contracts/index.js'
import { ExperimentStore } from '../store/experiment-store.js'
import { ItemFinder } from '../store/item-finder.js'
import { RunStore } from '../store/run-store.js'
import { ScoreStore } from '../store/score-store.js'
import { ColumnCache } from './column-cache.js'

export interface CompareRequest extends Pick<ComparisonRequest, 'test' | 'correction' | 'margin' | 'repeats' | 'errorCostUsd' | 'language'> {
  runIds: string[]
  metric: string | undefined
  baselineId: string | undefined
  rows: RowsRequest
}

/** Which items stand side by side. */
export interface RowsRequest {
  offset: number
  limit: number
  show: SideFilter
  a: string | undefined
  b: string | undefined
  conditions: ItemConditions
}

type Side = Pick<Comparison, 'baselineId' | 'higherIsBetter'>

@Injectable()
export class CompareService {
  constructor(
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(ScoreStore) private readonly scores: ScoreStore,
    @Inject(ColumnCache) private readonly cache: ColumnCache,
    @Inject(ExperimentStore) private readonly experiments: ExperimentStore,
    @Inject(ItemFinder) private readonly finder: ItemFinder,
  ) {}

  async compare(request: CompareRequest): Promise<Comparison> {
    const { test, correction, margin, repeats, language, rows } = request
    const { runs, metric } = await this.#read(request)
    const compared = await this.#columns(runs, metric)
    const baselineId = request.baselineId ?? runs[0]?.id ?? ''
    const errorCostUsd = request.errorCostUsd ?? (await this.#errorCostOf(runs.find(({ id }) => id === baselineId)))
    const statistics = compareRuns({ metric, baselineId, runs: compared, test, correction, margin, repeats, errorCostUsd, language })
    return { ...statistics, ...(await this.#rows(compared, statistics, rows)) }
  }

  async #errorCostOf(baseline: Run | undefined): Promise<number | undefined> {
    return baseline === undefined ? undefined : errorCostIn((await this.experiments.read(baseline.experimentId)).spec)
  }

  /** From the scores of runs where some are named, else from what is supposed of them. */
  async plan(request: PlanRequest & { runs?: string | undefined; metric?: string | undefined; accuracy?: number | undefined; correlation?: number | undefined; answerVariance?: number | undefined }): Promise<Plan> {
    if (request.runs === undefined) return planItems(request, supposedVariances(request))
    const { runs, metric } = await this.#read({ runIds: request.runs.split(',').map((id) => id.trim()).filter((id) => id !== ''), metric: request.metric })
    return planItems(request, observedVariances(await this.#columns(runs, metric)))
  }

  async #read(request: Pick<CompareRequest, 'runIds' | 'metric'>): Promise<{ runs: Run[]; metric: string }> {
    if (request.runIds.length > MOST_COMPARED_RUNS) throw new AppError('invalid_request', `${request.runIds.length} runs are too many to compare at once; name at most ${MOST_COMPARED_RUNS}.`)
    const runs = await this.runs.readMany(request.runIds)
    const found = new Set(runs.map((run) => run.id))
    const unknown = request.runIds.filter((id) => !found.has(id))
    const [first] = runs
    if (unknown.length > 0 || first === undefined) throw new AppError('not_found', `There is no run ${unknown.map((id) => `"${id}"`).join(', ') || 'to compare'}.`)
    return { runs, metric: request.metric ?? first.summary?.primaryMetric ?? (await this.experiments.read(first.experimentId)).primaryMetric }
  }

  /** Only where versions of a dataset differ must targets be told apart. */
  async #columns(runs: readonly Run[], metric: string): Promise<ComparedRun[]> {
    const versions = Map.groupBy(runs, (run) => run.dataset)
    const withTargets = [...versions.values()].some((same) => new Set(same.flatMap((run) => run.environment?.datasetHash ?? [])).size > 1)
    const compared: ComparedRun[] = []
    for (const run of runs) compared.push({ run, columns: await this.cache.columns(run, metric, { withTargets }) })
    return compared
  }

  /** All items that the rows of a comparison would show, and the dataset that holds them. */
  async selection(request: Pick<CompareRequest, 'runIds' | 'metric' | 'baselineId' | 'rows'>): Promise<{ dataset: string; itemIds: string[]; a: Run; b: Run }> {
    const { runs, metric } = await this.#read(request)
    const compared = await this.#columns(runs, metric)
    const baselineId = request.baselineId ?? runs[0]?.id ?? ''
    const { higherIsBetter } = compareRuns({ metric, baselineId, runs: compared })
    const { itemIds, a, b } = await this.#select(compared, { baselineId, higherIsBetter }, { ...request.rows, offset: 0, limit: Infinity })
    const datasets = new Set(runs.map(({ dataset }) => dataset))
    if (datasets.size > 1) throw new AppError('invalid_request', `These runs are of several datasets (${[...datasets].join(', ')}); their items cannot become one dataset.`)
    return { dataset: a.dataset, itemIds, a, b }
  }

  /** The baseline's order first. */
  async #select(compared: readonly ComparedRun[], { baselineId, higherIsBetter }: Side, asked: RowsRequest): Promise<{ ordered: ComparedRun[]; itemIds: string[]; total: number; a: Run; b: Run }> {
    const ordered = [...compared].sort((x, y) => Number(y.run.id === baselineId) - Number(x.run.id === baselineId))
    const placeOf = (id: string | undefined, other: number): number => (id === undefined ? other : ordered.findIndex(({ run }) => run.id === id))
    const a = placeOf(asked.a, 0)
    const b = placeOf(asked.b, a === 0 ? Math.min(1, ordered.length - 1) : 0)
    const [runA, runB] = [ordered[a]?.run, ordered[b]?.run]
    if (runA === undefined || runB === undefined) throw new AppError('invalid_request', `The run ${(runA === undefined ? asked.a : asked.b) ?? ''} is not among the compared runs.`)
    const only = await this.finder.find([runA.id, runB.id], asked.conditions)
    const selected = selectItems(ordered.map(({ columns }) => columns), { show: asked.show, a, b, higherIsBetter, only, offset: asked.offset, limit: asked.limit })
    return { ordered, ...selected, a: runA, b: runB }
  }

  /** Of the items of the page alone the texts are read. */
  async #rows(compared: readonly ComparedRun[], statistics: Side & Pick<Comparison, 'metric'>, asked: RowsRequest): Promise<Pick<Comparison, 'examples' | 'totalExamples'>> {
    const { ordered, itemIds, total } = await this.#select(compared, statistics, asked)
    const answers = Map.groupBy(await this.scores.answers(ordered.map(({ run }) => run.id), itemIds, statistics.metric), (answer) => answer.itemId)
    const examples = itemIds.map((itemId): ComparisonExample => {
      const found = new Map(answers.get(itemId)?.map((answer) => [answer.runId, answer]))
      const shown = ordered.flatMap(({ run }) => found.get(run.id) ?? [])
      return {
        itemId,
        input: shown[0]?.input ?? '',
        target: shown[0]?.target ?? null,
        cells: Object.fromEntries(shown.map(({ runId, output, score, status }) => [runId, { output, score, status }])),
      }
    })
    return { examples, totalExamples: total }
  }
}
