import type { Readable } from 'node:stream'
import { Inject, Injectable } from '@nestjs/common'
import { ArtifactStore } from '../artifacts/artifact-store.js'
import type {
  Assignment,
  CheckpointCommit,
  ClaimRequest,
  EnvironmentReport,
  ExampleBatch,
  Finish,
  Heartbeat,
  HeartbeatAnswer,
  LogBatch,
  MetricBatch,
  ResponseBatch,
  ResponseQuery,
  ShareAnswer,
  ShareReport,
  StoredFile,
  WorkerHeartbeat,
} from '../contracts/index.js'
import { EndpointLimits } from '../providers/endpoint-limits.js'
import type { CheckpointFile } from '../store/checkpoint-store.js'
import { WorkerStore } from '../store/worker-store.js'
import { Claims } from './claims.js'
import { RunReports } from './run-reports.js'

@Injectable()
export class WorkerService {
  constructor(
    @Inject(Claims) private readonly claims: Claims,
    @Inject(WorkerStore) private readonly workers: WorkerStore,
    @Inject(RunReports) private readonly reports: RunReports,
    @Inject(ArtifactStore) private readonly artifacts: ArtifactStore,
    @Inject(EndpointLimits) private readonly limits: EndpointLimits,
  ) {}

  claim(request: ClaimRequest, signal: AbortSignal): Promise<Assignment | null> {
    return this.claims.next(request, signal)
  }

  beat(heartbeat: WorkerHeartbeat): Promise<void> {
    return this.workers.beat(heartbeat)
  }

  heartbeat(runId: string, heartbeat: Heartbeat): Promise<HeartbeatAnswer> {
    return this.claims.heartbeat(runId, heartbeat)
  }

  environment(runId: string, report: EnvironmentReport): Promise<void> {
    return this.claims.environment(runId, report)
  }

  metrics(runId: string, batch: MetricBatch): Promise<void> {
    return this.reports.metrics.append(runId, batch.attempt, batch.points)
  }

  examples(runId: string, batch: ExampleBatch): Promise<void> {
    return this.reports.examples.append(runId, batch.attempt, batch.examples)
  }

  responses(runId: string, batch: ResponseBatch): Promise<void> {
    return this.reports.replies.keep(runId, batch.responses)
  }

  /** JSON of a ResponseList. */
  findResponses(query: ResponseQuery): Promise<string> {
    return this.reports.replies.find(query)
  }

  share(runId: string, report: ShareReport): ShareAnswer {
    return this.limits.exchange(runId, report)
  }

  logs(runId: string, batch: LogBatch): Promise<void> {
    return this.reports.logs.append(runId, batch.attempt, batch.lines)
  }

  /** The bytes are stored before they are noted, so what is noted is always there. */
  async upload(at: { runId: string; step: number; attempt: number; name: string }, content: Readable): Promise<StoredFile> {
    await this.reports.checkpoints.assertHeld(at.runId, at.attempt)
    const stored = await this.artifacts.write(at.runId, content)
    await this.reports.checkpoints.addFile(at, { name: at.name, ...stored })
    return stored
  }

  commit(runId: string, step: number, commit: CheckpointCommit): Promise<void> {
    return this.reports.checkpoints.commit(runId, step, commit)
  }

  /** The rows go before the bytes, so what is named is always there. */
  async drop(runId: string, step: number, attempt: number): Promise<void> {
    for (const sha256 of await this.reports.checkpoints.drop(runId, step, attempt)) await this.artifacts.remove(runId, sha256)
  }

  async file(runId: string, step: number, name: string): Promise<{ file: CheckpointFile; stream: Readable }> {
    const file = await this.reports.checkpoints.file(runId, step, name)
    return { file, stream: await this.artifacts.read(runId, file.sha256) }
  }

  async finish(runId: string, finish: Finish): Promise<void> {
    await this.claims.finish(runId, finish)
    this.reports.replies.drop(runId)
  }
}
