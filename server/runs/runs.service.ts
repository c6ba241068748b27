import type { Readable } from 'node:stream'
import { Inject, Injectable } from '@nestjs/common'
import { bestMetricOf, evaluationOf, recommendCheckpoint } from '../../experiments/checkpoints.js'
import { ArtifactStore } from '../artifacts/artifact-store.js'
import type { Budget, CheckpointList, ExamplePage, LogPage, LossTable, MetricsAnswer, Run, SampleList, TokenLossTable } from '../contracts/index.js'
import { RunDelivery } from '../delivery/run-delivery.js'
import { RunRecords } from './run-records.js'
import type { CheckpointFile } from '../store/checkpoint-store.js'
import type { ExampleQuery } from '../store/example-store.js'
import type { MetricQuery } from '../store/metric-store.js'
import { RunStore } from '../store/run-store.js'

@Injectable()
export class RunsService {
  constructor(
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(RunRecords) private readonly records: RunRecords,
    @Inject(ArtifactStore) private readonly artifacts: ArtifactStore,
    @Inject(RunDelivery) private readonly delivery: RunDelivery,
  ) {}

  read(id: string): Promise<Run> {
    return this.runs.read(id)
  }

  async cancel(id: string): Promise<Run> {
    const { kind } = await this.runs.read(id)
    const ended = await this.runs.cancel([id])
    await this.delivery.withdraw(ended.map((runId) => ({ runId, kind })))
    return this.runs.read(id)
  }

  async retry(id: string, budget: Budget | null = null): Promise<Run> {
    const waiting = await this.runs.retry(id, budget)
    await this.delivery.send([waiting])
    return this.runs.read(id)
  }

  async metrics(id: string, query: MetricQuery): Promise<MetricsAnswer> {
    await this.runs.read(id)
    return { series: await this.records.metrics.read(id, query) }
  }

  async examples(id: string, query: ExampleQuery): Promise<ExamplePage> {
    await this.runs.read(id)
    return this.records.examples.page(id, query)
  }

  async samples(id: string): Promise<SampleList> {
    await this.runs.read(id)
    return { samples: await this.records.checkpoints.samples(id) }
  }

  async losses(id: string): Promise<LossTable> {
    await this.runs.read(id)
    return this.records.checkpoints.losses(id)
  }

  async tokenLosses(id: string, itemId: string): Promise<TokenLossTable> {
    await this.runs.read(id)
    return this.records.checkpoints.tokenLosses(id, itemId)
  }

  async logs(id: string, query: { after?: number | undefined; limit: number }): Promise<LogPage> {
    await this.runs.read(id)
    return { lines: await this.records.logs.read(id, query) }
  }

  /** Best is what the finished run chose; before that, what the rule would choose now. */
  async checkpoints(id: string): Promise<CheckpointList> {
    const run = await this.runs.read(id)
    const stored = await this.records.checkpoints.list(id)
    const evaluations = stored.flatMap(({ step, metrics }) => evaluationOf(step, metrics) ?? [])
    const best = run.summary?.bestStep ?? recommendCheckpoint(evaluations, bestMetricOf(run.params))?.step ?? null
    return { checkpoints: stored.map((checkpoint) => Object.assign(checkpoint, { best: checkpoint.step === best })) }
  }

  async pick(id: string, step: number): Promise<CheckpointList> {
    await this.runs.read(id)
    await this.records.checkpoints.pick(id, step)
    return this.checkpoints(id)
  }

  async unpick(id: string, step: number): Promise<CheckpointList> {
    await this.records.checkpoints.unpick(id, step)
    return this.checkpoints(id)
  }

  async file(id: string, step: number, name: string): Promise<{ file: CheckpointFile; stream: Readable }> {
    const file = await this.records.checkpoints.file(id, step, name)
    return { file, stream: await this.artifacts.read(id, file.sha256) }
  }
}
