import { Inject, Injectable } from '@nestjs/common'
import { compareRuns, type ComparedRun, type ComparisonRequest } from '../../experiments/comparison.js'
import { errorCostIn } from '../../experiments/expected-cost.js'
import { observedVariances, planItems, type PlanRequest, supposedVariances } from '../../experiments/plan.js'
import { selectItems, type SideFilter } from '../../experiments/sides.js'
import { AppError, type Comparison, type ComparisonExample, type Plan, type Run } from '../contracts/index.js'
import { ExperimentStore } from '../store/experiment-store.js'
import { RunStore } from '../store/run-store.js'
import { ScoreStore } from '../store/score-store.js'
import { ColumnCache } from './column-cache.js'

export interface CompareRequest extends Pick<ComparisonRequest, 'test' | 'correction' | 'margin' | 'repeats' | 'errorCostUsd'> {
  runIds: string[]
  metric: string | undefined
  baselineId: string | undefined
  rows: { offset: number; limit: number; show: SideFilter; a: string | undefined; b: string | undefined }
}

/** The scores of all items of all runs stand in memory during a comparison. */
const MAX_RUNS = 200

@Injectable()
export class CompareService {
  constructor(
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(ScoreStore) private readonly scores: ScoreStore,
    @Inject(ColumnCache) private readonly cache: ColumnCache,
    @Inject(ExperimentStore) private readonly experiments: ExperimentStore,
  ) {}

  async compare(request: CompareRequest): Promise<Comparison> {
    const { test, correction, margin, repeats, rows } = request
    const { runs, metric } = await this.#read(request)
    const compared = await this.#columns(runs, metric)
    const baselineId = request.baselineId ?? runs[0]?.id ?? ''
    const errorCostUsd = request.errorCostUsd ?? (await this.#errorCostOf(runs.find(({ id }) => id === baselineId)))
    const statistics = compareRuns({ metric, baselineId, runs: compared, test, correction, margin, repeats, errorCostUsd })
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
    if (request.runIds.length > MAX_RUNS) throw new AppError('invalid_request', `${request.runIds.length} runs are too many to compare at once; name at most ${MAX_RUNS}.`)
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

  /** The baseline's order first; then the page's texts alone are read. */
  async #rows(compared: readonly ComparedRun[], { baselineId, metric, higherIsBetter }: Pick<Comparison, 'baselineId' | 'metric' | 'higherIsBetter'>, asked: CompareRequest['rows']): Promise<Pick<Comparison, 'examples' | 'totalExamples'>> {
    const ordered = [...compared].sort((x, y) => Number(y.run.id === baselineId) - Number(x.run.id === baselineId))
    const placeOf = (id: string | undefined, other: number): number => (id === undefined ? other : ordered.findIndex(({ run }) => run.id === id))
    const a = placeOf(asked.a, 0)
    const b = placeOf(asked.b, a === 0 ? Math.min(1, ordered.length - 1) : 0)
    if (a < 0 || b < 0) throw new AppError('invalid_request', `The run ${(a < 0 ? asked.a : asked.b) ?? ''} is not among the compared runs.`)
    const { itemIds, total } = selectItems(ordered.map(({ columns }) => columns), { show: asked.show, a, b, higherIsBetter, offset: asked.offset, limit: asked.limit })
    const answers = Map.groupBy(await this.scores.answers(ordered.map(({ run }) => run.id), itemIds, metric), (answer) => answer.itemId)
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
