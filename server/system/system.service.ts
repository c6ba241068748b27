import { Inject, Injectable } from '@nestjs/common'
import type { Health, Problem, SystemInfo, WorkerList } from '../contracts/index.js'
import { RUN_QUEUE, type RunQueue } from '../queue/run-queue.js'
import { SETTINGS, type Settings } from '../settings.js'
import { Database } from '../store/database.js'
import { Counters } from './counters.js'
import { Recovery } from './recovery.js'

@Injectable()
export class SystemService {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(Database) private readonly database: Database,
    @Inject(RUN_QUEUE) private readonly queue: RunQueue,
    @Inject(Counters) private readonly counters: Counters,
    @Inject(Recovery) private readonly recovery: Recovery,
  ) {}

  async health(): Promise<Health> {
    const { experiments, queued, running, workers } = await this.counters.read()
    const problems: Problem[] = [...this.recovery.problems]
    if (queued > 0 && workers === 0) problems.push({ path: 'workers', message: `${queued} runs wait and no worker is alive; start one with: npm run worker -- --server URL` })
    return {
      status: problems.length === 0 ? 'ok' : 'degraded',
      version: this.settings.version,
      database: this.database.kind,
      queue: this.queue.name,
      counts: { experiments, queued, running, workers },
      problems,
      uptimeSeconds: process.uptime(),
    }
  }

  async workers(): Promise<WorkerList> {
    return { workers: await this.counters.workers.list() }
  }

  async info(): Promise<SystemInfo> {
    const { workers } = await this.workers()
    return { version: this.settings.version, node: process.versions.node, database: this.database.kind, queue: this.queue.name, uptimeSeconds: process.uptime(), workers }
  }
}
