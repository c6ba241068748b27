import { Inject, Injectable } from '@nestjs/common'
import { ExperimentStore } from '../store/experiment-store.js'
import { RunStore } from '../store/run-store.js'
import { WorkerStore } from '../store/worker-store.js'

/** How much there is of everything, for whoever looks after the server. */
@Injectable()
export class Counters {
  constructor(
    @Inject(ExperimentStore) private readonly experiments: ExperimentStore,
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(WorkerStore) readonly workers: WorkerStore,
  ) {}

  async read(): Promise<{ experiments: number; queued: number; running: number; workers: number }> {
    const [experiments, runs, workers] = await Promise.all([this.experiments.count(), this.runs.counts(), this.workers.list()])
    return { experiments, ...runs, workers: workers.filter((worker) => worker.alive).length }
  }
}
