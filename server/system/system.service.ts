import { Inject, Injectable } from '@nestjs/common'
import type { Health, Problem, SystemInfo, WorkerList } from '../contracts/index.js'
import { MACHINERY, SETTINGS, type Machinery, type Settings } from '../settings.js'
import { Counters } from './counters.js'
import { Watch } from './watch.js'

@Injectable()
export class SystemService {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(MACHINERY) private readonly machinery: Machinery,
    @Inject(Counters) private readonly counters: Counters,
    @Inject(Watch) private readonly watch: Watch,
  ) {}

  async health(): Promise<Health> {
    const { experiments, queued, running, workers } = await this.counters.read()
    const problems: Problem[] = [...this.watch.problems]
    if (queued > 0 && workers === 0) problems.push({ path: 'workers', message: `${queued} runs wait and no worker is alive; start one with: npm run worker -- --server URL` })
    return {
      status: problems.length === 0 ? 'ok' : 'degraded',
      version: this.settings.version,
      ...this.machinery,
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
    return { version: this.settings.version, node: process.versions.node, ...this.machinery, uptimeSeconds: process.uptime(), workers }
  }
}
