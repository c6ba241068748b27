/* The workbench as a user starts it, on a folder of its own, with every process's peak of memory watched. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CreatedExperiment, Run, ServerEvent } from '../../../server/contracts/index.js'
import { rootFolder } from '../frame/contestant.js'

/** As `npm start` has them. */
const START_FLAGS = ['--max-semi-space-size=4', '--heap-growing-percent=40']
const MEMORY_EVERY_MS = 50

export interface Finished {
  run: Run
  /** From the request that queued it until it was seen to have ended. */
  wallMs: number
}

export class Workbench {
  /** Most that each process held at once, by what it is. */
  readonly peakBytes = new Map<string, number>()
  /** Processor seconds of each process so far. */
  readonly cpuSeconds = new Map<string, number>()
  private readonly watch: NodeJS.Timeout

  private constructor(
    readonly home: string,
    private readonly url: string,
    private readonly server: ChildProcess,
  ) {
    this.watch = setInterval(() => this.measure(), MEMORY_EVERY_MS)
  }

  /** On a folder whose database was made before: making one takes memory once, and never again. */
  static async start(): Promise<Workbench> {
    const home = await mkdtemp(join(tmpdir(), 'bancada-bench-'))
    const first = await Workbench.open(home)
    await first.stop()
    return Workbench.open(home)
  }

  private static async open(home: string): Promise<Workbench> {
    const port = await freePort()
    const server = spawn(process.execPath, [...START_FLAGS, join(rootFolder, 'dist/server/main.js'), '--port', String(port), '--no-examples'], {
      cwd: rootFolder,
      env: { ...process.env, BANCADA_HOME: home, LOG_LEVEL: 'warn' },
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    const workbench = new Workbench(home, `http://127.0.0.1:${port}`, server)
    await workbench.ready()
    return workbench
  }

  async writeDataset(name: string, items: readonly Record<string, unknown>[]): Promise<void> {
    const folder = join(this.home, 'datasets', name)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'test.jsonl'), `${items.map((item) => JSON.stringify(item)).join('\n')}\n`)
    const manifest = { name, title: name, task: 'generation', language: 'en', licence: 'CC0-1.0', source: 'made by the bench', description: 'Sums.', splits: { test: 'test.jsonl' } }
    await writeFile(join(folder, 'dataset.yaml'), JSON.stringify(manifest))
  }

  /** Queues an experiment of one run and waits for its end, told by events as the dashboard is. */
  async run(experiment: Record<string, unknown>): Promise<Finished> {
    const reading = new AbortController()
    const events = await fetch(`${this.url}/api/events`, { signal: reading.signal })
    try {
      const startedMs = performance.now()
      const created = await this.ask<CreatedExperiment>('POST', '/api/experiments', experiment)
      const id = created.runs[0]?.id ?? ''
      for await (const { type, runId } of eventsOf(events)) {
        if (type !== 'run.updated' || runId !== id) continue
        const run = await this.ask<Run>('GET', `/api/runs/${id}`)
        if (run.status === 'succeeded') return { run, wallMs: performance.now() - startedMs }
        if (run.status === 'failed' || run.status === 'cancelled') throw new Error(`the run ${run.status}: ${run.error?.message ?? ''}`)
      }
      throw new Error('the server ended its events before the run was over')
    } finally {
      reading.abort()
    }
  }

  /** Processor seconds of all processes of a name. */
  secondsOf(name: string): number {
    return [...this.cpuSeconds].reduce((sum, [process, seconds]) => (process.startsWith(`${name} `) ? sum + seconds : sum), 0)
  }

  async stop(): Promise<void> {
    clearInterval(this.watch)
    const ended = new Promise((resolve) => this.server.once('close', resolve))
    this.server.kill('SIGTERM')
    await ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.server.exitCode === null && this.server.signalCode === null) await this.stop()
    await rm(this.home, { recursive: true, force: true })
  }

  private async ready(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        const { counts } = await this.ask<{ counts: { workers: number } }>('GET', '/api/health')
        if (counts.workers > 0) return
      } catch (error) {
        if (tries > 600) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  private async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const sent = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const response = await fetch(this.url + path, { method, ...sent })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return JSON.parse(text) as T
  }

  /** The server, its worker, and the process of the run. */
  private measure(): void {
    const { pid } = this.server
    if (pid === undefined) return
    this.note('server', pid)
    for (const worker of childrenOf(pid)) {
      this.note('worker', worker)
      for (const run of childrenOf(worker)) this.note('run', run)
    }
  }

  private note(name: string, pid: number): void {
    try {
      const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
      this.peakBytes.set(name, Math.max(this.peakBytes.get(name) ?? 0, Number(line?.[1] ?? 0) * 1024))
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      this.cpuSeconds.set(`${name} ${pid}`, (Number(fields[11]) + Number(fields[12])) / 100)
    } catch {
      // It has just ended; what was noted before stays.
    }
  }
}

async function* eventsOf({ body }: Response): AsyncGenerator<ServerEvent> {
  if (body === null) throw new Error('the events have no body')
  let text = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + chunk).split('\n\n')
    text = blocks.pop() ?? ''
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1]
      if (data !== undefined) yield JSON.parse(data) as ServerEvent
    }
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter((child) => child !== '').map(Number))
  } catch {
    return [] // It has just ended.
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
