import { Inject, Injectable } from '@nestjs/common'
import { compareRuns } from '../../experiments/comparison.js'
import { AppError, type Comparison } from '../contracts/index.js'
import { ExampleStore } from '../store/example-store.js'
import { ExperimentStore } from '../store/experiment-store.js'
import { RunStore } from '../store/run-store.js'

export interface CompareRequest {
  runIds: string[]
  metric: string | undefined
  baselineId: string | undefined
  rows: { offset: number; limit: number; onlyDifferent: boolean }
}

/** All examples of all runs stand in memory during a comparison. */
const MAX_RUNS = 200

@Injectable()
export class CompareService {
  constructor(
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(ExampleStore) private readonly examples: ExampleStore,
    @Inject(ExperimentStore) private readonly experiments: ExperimentStore,
  ) {}

  async compare(request: CompareRequest): Promise<Comparison> {
    if (request.runIds.length > MAX_RUNS) throw new AppError('invalid_request', `${request.runIds.length} runs are too many to compare at once; name at most ${MAX_RUNS}.`)
    const runs = await this.runs.readMany(request.runIds)
    const found = new Set(runs.map((run) => run.id))
    const unknown = request.runIds.filter((id) => !found.has(id))
    const [first] = runs
    if (unknown.length > 0 || first === undefined) throw new AppError('not_found', `There is no run ${unknown.map((id) => `"${id}"`).join(', ') || 'to compare'}.`)
    const compared = []
    for (const run of runs) compared.push({ run, examples: await this.examples.all(run.id) })
    const metric = request.metric ?? first.summary?.primaryMetric ?? (await this.experiments.read(first.experimentId)).primaryMetric
    return compareRuns({ metric, baselineId: request.baselineId ?? first.id, runs: compared, rows: request.rows })
  }
}
