import { Inject, Injectable } from '@nestjs/common'
import { CheckpointStore } from '../store/checkpoint-store.js'
import { ExampleStore } from '../store/example-store.js'
import { LogStore } from '../store/log-store.js'
import { MetricStore } from '../store/metric-store.js'

/** What a run leaves behind, in one hand. */
@Injectable()
export class RunRecords {
  constructor(
    @Inject(MetricStore) readonly metrics: MetricStore,
    @Inject(ExampleStore) readonly examples: ExampleStore,
    @Inject(CheckpointStore) readonly checkpoints: CheckpointStore,
    @Inject(LogStore) readonly logs: LogStore,
  ) {}
}
