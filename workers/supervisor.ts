/*
 * Watches over one run from the worker's side: its child process, its heartbeat, its budget, its end.
 * The child computes and may block its own thread for seconds; everything that must stay punctual is here.
 */
import type { ChildProcess } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HeartbeatAnswerSchema, type Assignment, type Device, type Progress, type RunError } from '../server/contracts/index.js'
import type { FromChild, StartMessage, ToChild } from './child-messages.js'
import { messageOf } from './engine/message-of.js'
import { Reporter, type FinishWithoutAttempt } from './reporter.js'
import { ServerRefusal, type ServerClient } from './server-client.js'

export interface SupervisorOptions {
  assignment: Assignment
  client: ServerClient
  worker: string
  threads: number
  devices: Device[]
  /** A process that waits for its start message. */
  takeChild: () => ChildProcess
  home: string
  cacheFolder: string
  datasetRoots: string[]
  modelRoots: string[]
  /** Aborted when the worker is asked to stop: the run is given back. */
  stop: AbortSignal
  log: (message: string) => void
}

/** How a run ended here; `fenced` and `refused` leave nothing to tell the server. */
export type Outcome = FinishWithoutAttempt | { status: 'fenced' } | { status: 'refused'; message: string }

/** A cancel must be seen and obeyed within 2 s, of which the child may take one. */
const SLOWEST_HEARTBEAT_MS = 500
const KILL_AFTER_MS = 1_000
/** How long a stopping worker tries to tell how its run ended. */
const RELEASE_WITHIN_MS = 2_500
/** A run whose process keeps dying is tried this often in all. */
const MOST_ATTEMPTS = 3
const STDERR_TAIL = 2_000

export async function superviseRun(options: SupervisorOptions): Promise<Outcome> {
  const workFolder = await mkdtemp(join(tmpdir(), 'bancada-run-'))
  try {
    return await new Supervisor(options, workFolder).run()
  } finally {
    await rm(workFolder, { recursive: true, force: true })
  }
}

class Supervisor {
  private readonly options: SupervisorOptions
  private readonly workFolder: string
  private readonly reporter: Reporter
  private readonly ended = Promise.withResolvers<Outcome>()
  /** Ends all talk to the server about this run. */
  private readonly talk = new AbortController()
  private progress: Progress | null = null
  private stderrTail = ''
  private hasEnded = false

  constructor(options: SupervisorOptions, workFolder: string) {
    this.options = options
    this.workFolder = workFolder
    this.reporter = new Reporter({
      client: options.client,
      assignment: options.assignment,
      signal: this.talk.signal,
      onRefusal: (refusal) => this.end(outcomeOfRefusal(refusal)),
    })
  }

  async run(): Promise<Outcome> {
    const child = this.startChild()
    const heartbeat = this.beat()
    const budget = this.startBudget()
    const onStop = (): void => this.end({ status: 'released' })
    this.options.stop.addEventListener('abort', onStop)
    if (this.options.stop.aborted) onStop()
    const outcome = await this.ended.promise
    this.options.stop.removeEventListener('abort', onStop)
    clearTimeout(budget)
    const gone = stopChild(child)
    const told = await this.tellEnd(outcome)
    this.talk.abort(new Error('the run has ended'))
    this.reporter.close()
    await Promise.all([gone, heartbeat])
    return told
  }

  private end(outcome: Outcome): void {
    this.hasEnded = true
    this.ended.resolve(outcome)
  }

  private startChild(): ChildProcess {
    const { assignment, worker, threads, devices, client, takeChild, home, cacheFolder, datasetRoots, modelRoots } = this.options
    const child = takeChild()
    const start: StartMessage = {
      type: 'start',
      assignment,
      worker,
      threads,
      devices,
      server: { baseUrl: client.baseUrl, token: client.token },
      workFolder: this.workFolder,
      home,
      cacheFolder,
      datasetRoots,
      modelRoots,
    }
    child.on('message', (message: FromChild) => this.receive(child, message))
    child.on('error', (error) => this.end(failed('child_not_started', `the process of the run could not be started: ${error.message}`)))
    // 'close' comes after the last message and the last line of stderr, 'exit' may come before.
    child.on('close', (code, signal) => {
      if (!this.hasEnded) this.end(this.outcomeOfDeath(code, signal))
    })
    child.stdout?.on('data', (chunk: Buffer) => this.options.log(chunk.toString().trimEnd()))
    child.stderr?.on('data', (chunk: Buffer) => {
      this.stderrTail = (this.stderrTail + chunk.toString()).slice(-STDERR_TAIL)
    })
    tell(child, start)
    return child
  }

  private receive(child: ChildProcess, message: FromChild): void {
    if (this.hasEnded) return
    switch (message.type) {
      case 'data':
        this.reporter.addPoints(message.points)
        return this.reporter.addExampleTexts(message.examples)
      case 'line':
        return this.reporter.addLine(message.line)
      case 'progress':
        this.progress = message.progress
        return
      case 'environment':
        return this.reporter.setEnvironment(message.environment)
      case 'checkpoint':
        void this.storeCheckpoint(child, message.checkpoint)
        return
      case 'drop-checkpoint':
        this.reporter.dropCheckpoint(message.step).catch(() => undefined) // Told through onRefusal.
        return
      case 'succeeded':
        return this.end({ status: 'succeeded', summary: message.summary })
      case 'failed':
        return this.end({ status: 'failed', error: message.error, summary: message.summary })
    }
  }

  private async storeCheckpoint(child: ChildProcess, checkpoint: Extract<FromChild, { type: 'checkpoint' }>['checkpoint']): Promise<void> {
    const { step } = checkpoint
    try {
      await this.reporter.checkpoint(checkpoint)
      tell(child, { type: 'checkpoint-stored', step })
    } catch (refusal) {
      tell(child, { type: 'checkpoint-refused', step, message: messageOf(refusal) })
    }
  }

  private async beat(): Promise<void> {
    const { assignment, client, worker } = this.options
    const everyMs = Math.min(assignment.heartbeatMs, SLOWEST_HEARTBEAT_MS)
    const path = `/api/worker/runs/${encodeURIComponent(assignment.runId)}/heartbeat`
    while (!this.talk.signal.aborted) {
      try {
        const json = { worker, attempt: assignment.attempt, progress: this.progress }
        const answer = await client.ask('POST', path, { json, signal: this.talk.signal, timeoutMs: 5_000 })
        if (HeartbeatAnswerSchema.parse(answer).cancel) this.end({ status: 'cancelled', summary: null })
      } catch (fault) {
        if (fault instanceof ServerRefusal) this.end(outcomeOfRefusal(fault))
        // Any other fault passes: the next beat tries again, and the claim lasts longer than a beat.
      }
      await sleep(everyMs, undefined, { signal: this.talk.signal }).catch(() => undefined)
    }
  }

  private startBudget(): NodeJS.Timeout | undefined {
    const { budget, resume } = this.options.assignment
    if (budget?.minutes === undefined) return undefined
    const { minutes } = budget
    const leftMs = Math.max(0, minutes * 60_000 - resume.elapsedMs)
    return setTimeout(() => {
      const done = this.progress === null ? '' : ` at ${this.progress.done} of ${this.progress.total} ${this.progress.unit}`
      this.end(failed('budget_exceeded', `the budget of ${minutes} minutes was used up${done}; what was reported until then is kept. Raise budget.minutes or make the run smaller`))
    }, Math.min(leftMs, 2 ** 31 - 1))
  }

  /** A process that was killed may have had bad luck (memory was short): it is tried again, a few times. */
  private outcomeOfDeath(code: number | null, signal: NodeJS.Signals | null): Outcome {
    const { attempt, tries = attempt, runId } = this.options.assignment
    const how = signal === null ? `exit code ${code}` : `signal ${signal}${signal === 'SIGKILL' ? ', often a sign of too little memory' : ''}`
    const tail = this.stderrTail.trim() === '' ? '' : `; its last words: ${this.stderrTail.trim()}`
    if (signal !== null && tries < MOST_ATTEMPTS) {
      const message = `the process of the run died (${how}) in attempt ${tries} of ${MOST_ATTEMPTS}; it is queued again${tail}`
      this.options.log(`run ${runId}: ${message}`)
      this.reporter.addLine({ time: Date.now(), level: 'warn', message: message.slice(0, 10_000) })
      return { status: 'released' }
    }
    return failed('crashed', `the process of the run died (${how}) in attempt ${attempt}${tail}`)
  }

  private async tellEnd(outcome: Outcome): Promise<Outcome> {
    if (outcome.status === 'fenced' || outcome.status === 'refused') return outcome
    let giveUp: NodeJS.Timeout | undefined
    const hurry = (): void => {
      giveUp ??= setTimeout(() => this.talk.abort(new Error('the server did not answer in time')), RELEASE_WITHIN_MS)
    }
    const { stop } = this.options
    stop.addEventListener('abort', hurry)
    if (stop.aborted) hurry()
    try {
      if (outcome.status === 'failed') this.reporter.addLine({ time: Date.now(), level: 'error', message: outcome.error.message.slice(0, 10_000) })
      await this.reporter.finish(outcome)
      return outcome
    } catch (refusal) {
      // A worker that stops while the server is away just leaves: the claim runs out by itself.
      return stop.aborted ? { status: 'released' } : outcomeOfRefusal(refusal)
    } finally {
      stop.removeEventListener('abort', hurry)
      clearTimeout(giveUp)
    }
  }
}

function tell(child: ChildProcess, message: ToChild): void {
  if (child.connected) child.send(message, () => undefined) // A child that just died is noticed by its 'close'.
}

/** SIGTERM ends a child even inside a native call; SIGKILL is for one that is stuck in the kernel. */
async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
  await gone
  clearTimeout(timer)
}

function failed(code: string, message: string): { status: 'failed'; error: RunError; summary: null } {
  return { status: 'failed', error: { code, message }, summary: null }
}

function outcomeOfRefusal(refusal: unknown): Outcome {
  if (refusal instanceof ServerRefusal && refusal.meansFenced) return { status: 'fenced' }
  return { status: 'refused', message: messageOf(refusal) }
}
