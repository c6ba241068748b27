/*
 * Brings what a run reports to the server: in batches, in order, none lost.
 * One chain of sends at a time: a checkpoint is committed only after every earlier point was accepted.
 */
import { createHash } from 'node:crypto'
import { createReadStream, openAsBlob } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Assignment, CheckpointCommit, Environment, Example, Finish, LogLine, MetricPoint } from '../server/contracts/index.js'
import { packFloats, toWire } from '../server/contracts/index.js'
import type { CheckpointReport } from './run-context.js'
import { ServerUnavailable, type ServerClient } from './server-client.js'

export interface ReporterOptions {
  client: ServerClient
  assignment: Pick<Assignment, 'runId' | 'attempt'>
  /** Ends all sending, as when the run was fenced. */
  signal: AbortSignal
  flushEveryMs?: number
  /** Called once when the server refuses a report; nothing is sent after that. */
  onRefusal: (refusal: unknown) => void
}

const FLUSH_EVERY_MS = 400
const MOST_POINTS = 5_000
const MOST_EXAMPLES = 2_000
const MOST_LINES = 500
/** Upper limit of one request's text, well under what servers and proxies take. */
const MOST_BATCH_CHARACTERS = 1_000_000

export class Reporter {
  private readonly client: ServerClient
  private readonly path: string
  private readonly attempt: number
  private readonly signal: AbortSignal
  private readonly onRefusal: (refusal: unknown) => void
  private readonly timer: NodeJS.Timeout
  private points: MetricPoint[] = []
  /** Examples as JSON. */
  private examples: string[] = []
  private lines: LogLine[] = []
  private environment: Environment | null = null
  private chain: Promise<void> = Promise.resolve()
  private isFlushQueued = false
  /** Else examples alone: points wait for the timer, because each request costs the server a transaction. */
  private isAllDue = false
  private refusal: { reason: unknown } | null = null

  constructor(options: ReporterOptions) {
    this.client = options.client
    this.path = `/api/worker/runs/${encodeURIComponent(options.assignment.runId)}`
    this.attempt = options.assignment.attempt
    this.signal = options.signal
    this.onRefusal = options.onRefusal
    this.timer = setInterval(() => this.flushSoon(), options.flushEveryMs ?? FLUSH_EVERY_MS)
    this.timer.unref()
  }

  addPoint(point: MetricPoint): void {
    this.points.push(point)
  }

  addExample(example: Example): void {
    this.examples.push(JSON.stringify(example))
  }

  addPoints(points: readonly MetricPoint[]): void {
    this.points.push(...points)
  }

  /** Examples that are JSON already. A full batch of them does not wait. */
  addExampleTexts(texts: readonly string[]): void {
    this.examples.push(...texts)
    if (this.examples.length >= MOST_EXAMPLES) this.queueFlush()
  }

  addLine(line: LogLine): void {
    this.lines.push(line)
  }

  setEnvironment(environment: Environment): void {
    this.environment = environment
    this.flushSoon()
  }

  /** Resolves when everything reported so far is stored. */
  flush(): Promise<void> {
    return this.inOrder(() => this.sendPending())
  }

  /** Resolves when the checkpoint is committed. */
  checkpoint(checkpoint: CheckpointReport): Promise<void> {
    return this.inOrder(async () => {
      await this.sendPending()
      const files = await this.uploadFolder(checkpoint)
      const commit: CheckpointCommit = {
        attempt: this.attempt,
        metrics: Object.fromEntries(Object.entries(checkpoint.metrics).map(([key, value]) => [key, toWire(value)])),
        samples: checkpoint.samples.map((sample, index) => ({ step: checkpoint.step, index, ...sample })),
        losses: (checkpoint.losses ?? []).map(({ loss, ...item }) => ({ ...item, loss: toWire(loss) })),
        ...(checkpoint.evaluatedItems === undefined ? {} : { evaluatedItems: checkpoint.evaluatedItems }),
        itemTokens: checkpoint.tokens?.items ?? [],
        tokenLosses: (checkpoint.tokens?.losses ?? []).map(({ losses, ...at }) => ({ ...at, losses: packFloats(losses) })),
        files,
      }
      await this.post(`/checkpoints/${checkpoint.step}`, commit)
    })
  }

  /** Asks the server to forget a checkpoint, after everything reported earlier. */
  dropCheckpoint(step: number): Promise<void> {
    return this.inOrder(async () => {
      await this.client.persist('DELETE', `${this.path}/checkpoints/${step}?attempt=${this.attempt}`, { signal: this.signal })
    })
  }

  /** Sends the rest, then how the run ended. Nothing may be reported after it. */
  async finish(finish: FinishWithoutAttempt): Promise<void> {
    clearInterval(this.timer)
    await this.inOrder(async () => {
      await this.sendPending()
      await this.post('/finish', { ...finish, attempt: this.attempt })
    })
  }

  close(): void {
    clearInterval(this.timer)
  }

  private flushSoon(): void {
    const isIdle = this.points.length + this.examples.length + this.lines.length === 0 && this.environment === null
    if (isIdle) return
    this.isAllDue = true
    this.queueFlush()
  }

  private queueFlush(): void {
    if (this.isFlushQueued || this.refusal !== null) return
    this.isFlushQueued = true
    this.inOrder(() => (this.isAllDue ? this.sendPending() : this.sendExamples()))
      .catch(() => undefined) // Told through onRefusal.
      .finally(() => {
        this.isFlushQueued = false
      })
  }

  private inOrder(work: () => Promise<void>): Promise<void> {
    const done = this.chain.then(async () => {
      if (this.refusal !== null) throw this.refusal.reason
      try {
        await work()
      } catch (reason) {
        this.refuse(reason)
        throw reason
      }
    })
    this.chain = done.catch(() => undefined)
    return done
  }

  private refuse(reason: unknown): void {
    this.refusal = { reason }
    clearInterval(this.timer)
    this.onRefusal(reason)
  }

  /** A batch leaves its buffer only after the server took it. */
  private async sendPending(): Promise<void> {
    this.isAllDue = false
    const environment = this.environment
    if (environment !== null) {
      await this.post('/environment', { attempt: this.attempt, environment })
      if (this.environment === environment) this.environment = null
    }
    while (this.lines.length > 0) {
      const lines = this.lines.slice(0, MOST_LINES)
      await this.post('/logs', { attempt: this.attempt, lines })
      this.lines = this.lines.slice(lines.length)
    }
    while (this.points.length > 0) {
      const points = this.points.slice(0, MOST_POINTS)
      await this.post('/metrics', { attempt: this.attempt, points })
      this.points = this.points.slice(points.length)
    }
    await this.sendExamples()
  }

  private async sendExamples(): Promise<void> {
    while (this.examples.length > 0) {
      const examples = firstBatch(this.examples)
      await this.client.persist('POST', `${this.path}/examples`, { text: `{"attempt":${this.attempt},"examples":[${examples.join(',')}]}`, signal: this.signal })
      this.examples = this.examples.slice(examples.length)
    }
  }

  private async post(path: string, json: unknown): Promise<void> {
    await this.client.persist('POST', this.path + path, { json, signal: this.signal })
  }

  private async uploadFolder({ step, folder }: CheckpointReport): Promise<CheckpointCommit['files']> {
    const files: CheckpointCommit['files'] = []
    for (const name of (await readdir(folder)).sort()) files.push(await this.uploadFile(step, join(folder, name), name))
    return files
  }

  private async uploadFile(step: number, path: string, name: string): Promise<CheckpointCommit['files'][number]> {
    const { size: sizeBytes } = await stat(path)
    const sha256 = await hashFile(path)
    const url = `${this.path}/checkpoints/${step}/files/${encodeURIComponent(name)}?attempt=${this.attempt}`
    for (let tries = 0; ; tries += 1) {
      const stored = (await this.client.persist('PUT', url, { blob: await openAsBlob(path), signal: this.signal, timeoutMs: 600_000 })) as { sha256?: unknown }
      if (stored.sha256 === sha256) return { name, sizeBytes, sha256 }
      if (tries === 2) throw new ServerUnavailable(`checkpoint file ${name} arrives damaged: sent sha256 ${sha256}, the server stored ${String(stored.sha256)}`)
    }
  }
}

type WithoutAttempt<T> = T extends unknown ? Omit<T, 'attempt'> : never
export type FinishWithoutAttempt = WithoutAttempt<Finish>

/** As many examples as fit one request, and always at least one. */
function firstBatch(examples: readonly string[]): string[] {
  let characters = 0
  let count = 0
  for (const { length } of examples) {
    characters += length
    if (count > 0 && (characters > MOST_BATCH_CHARACTERS || count === MOST_EXAMPLES)) break
    count += 1
  }
  return examples.slice(0, count)
}

export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
