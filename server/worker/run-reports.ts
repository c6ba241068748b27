import { Inject, Injectable } from '@nestjs/common'
import { Replies } from '../providers/replies.js'
import { CheckpointStore } from '../store/checkpoint-store.js'
import { ExampleStore } from '../store/example-store.js'
import { LogStore } from '../store/log-store.js'
import { MetricStore } from '../store/metric-store.js'

/** Where what a worker reports of its run is stored. */
@Injectable()
export class RunReports {
  constructor(
    @Inject(MetricStore) readonly metrics: MetricStore,
    @Inject(ExampleStore) readonly examples: ExampleStore,
    @Inject(LogStore) readonly logs: LogStore,
    @Inject(CheckpointStore) readonly checkpoints: CheckpointStore,
    @Inject(Replies) readonly replies: Replies,
  ) {}
}
