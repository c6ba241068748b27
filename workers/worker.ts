/*
 * A worker: says what it can compute on, claims runs one after the other, and sees each one to its end.
 */
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { AssignmentSchema, KINDS, type Assignment, type Device, type WorkerHeartbeat } from '../server/contracts/index.js'
import { cpuDevice, usableDevices } from './devices.js'
import type { Places } from './places.js'
import { backoffMs, ServerRefusal, ServerUnavailable, type ServerClient } from './server-client.js'
import { superviseRun, type Outcome } from './supervisor.js'

export interface WorkerOptions {
  client: ServerClient
  name: string
  threads: number
  places: Places
  childModule: URL
  probeModule: URL
  /** Aborted to stop: the run in hand is given back. */
  stop: AbortSignal
  log: (message: string) => void
}

const HEARTBEAT_EVERY_MS = 3_000
const CLAIM_WAIT_MS = 10_000
const LONGEST_PAUSE_MS = 2_000

/** The token is wrong, or the server speaks another protocol: no use in going on. */
export class WorkerRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WorkerRefused'
  }
}

export class Worker {
  private readonly options: WorkerOptions
  private devices: Device[]
  private running: string[] = []
  private isWaiting = false

  constructor(options: WorkerOptions) {
    this.options = options
    this.devices = [cpuDevice(options.threads)]
  }

  /** Resolves after `stop`, when the run in hand has been given back. @throws {WorkerRefused} */
  async work(): Promise<void> {
    const { stop, log } = this.options
    void this.probe()
    const heartbeat = this.beat()
    while (!stop.aborted) {
      const assignment = await this.claim()
      if (assignment === null) continue
      this.running = [assignment.runId]
      log(`run ${assignment.runId} (${assignment.kind}, ${assignment.name}) begins, attempt ${assignment.attempt}`)
      try {
        log(`run ${assignment.runId} ${describe(await this.supervise(assignment))}`)
      } finally {
        this.running = []
      }
    }
    await heartbeat
  }

  private supervise(assignment: Assignment): Promise<Outcome> {
    const { client, name, threads, places, childModule, stop, log } = this.options
    return superviseRun({
      assignment,
      client,
      worker: name,
      threads,
      devices: this.devices,
      childModule,
      home: places.home,
      cacheFolder: places.cacheFolder,
      datasetRoots: places.datasetRoots,
      modelRoots: places.modelRoots,
      stop,
      log,
    })
  }

  /** One long poll; null when nothing is queued, the server is away for now, or the worker stops. */
  private async claim(tries = 0): Promise<Assignment | null> {
    const { client, name, stop } = this.options
    const json = { worker: name, kinds: [...KINDS], waitMs: CLAIM_WAIT_MS }
    try {
      const response = await client.send('POST', '/api/worker/claim', { json, signal: stop, timeoutMs: CLAIM_WAIT_MS + 20_000 })
      this.sayReached()
      if (response.status === 204) return null
      return AssignmentSchema.parse(await response.json())
    } catch (fault) {
      if (stop.aborted) return null
      if (fault instanceof ServerRefusal) throw new WorkerRefused(refusedBy(client.baseUrl, fault))
      if (!(fault instanceof ServerUnavailable)) throw fault
      this.sayWaiting(fault)
      await sleep(backoffMs(tries, 200, LONGEST_PAUSE_MS), undefined, { signal: stop }).catch(() => undefined)
      return stop.aborted ? null : this.claim(tries + 1)
    }
  }

  private sayWaiting(fault: ServerUnavailable): void {
    if (!this.isWaiting) this.options.log(`waiting for the server: ${fault.message}`)
    this.isWaiting = true
  }

  private sayReached(): void {
    if (this.isWaiting) this.options.log('the server is there')
    this.isWaiting = false
  }

  private async probe(): Promise<void> {
    const accelerators = await usableDevices(this.options.probeModule)
    this.devices = [...this.devices, ...accelerators]
    for (const device of accelerators) this.options.log(`device ${device.id}: ${device.name}`)
  }

  private async beat(): Promise<void> {
    const { client, name, stop } = this.options
    while (!stop.aborted) {
      const json: WorkerHeartbeat = { worker: name, host: hostname(), devices: this.devices, running: this.running }
      // A fault is told by the claim loop, which meets it too.
      await client.send('POST', '/api/worker/heartbeat', { json, signal: stop, timeoutMs: 5_000 }).catch(() => undefined)
      await sleep(HEARTBEAT_EVERY_MS, undefined, { signal: stop }).catch(() => undefined)
    }
  }
}

function refusedBy(baseUrl: string, refusal: ServerRefusal): string {
  if (refusal.status === 401 || refusal.status === 403) return `${baseUrl} refuses this worker: ${refusal.message}. Pass the server's worker token with --token`
  if (refusal.status === 404) return `${baseUrl} is not a Bancada server: ${refusal.message}. Check --server`
  return `${baseUrl} refuses to hand out runs: ${refusal.message}`
}

function describe(outcome: Outcome): string {
  switch (outcome.status) {
    case 'succeeded':
      return 'succeeded'
    case 'failed':
      return `failed (${outcome.error.code}): ${outcome.error.message}`
    case 'cancelled':
      return 'was cancelled'
    case 'released':
      return 'was given back'
    case 'fenced':
      return 'belongs to another attempt now; stopped'
    case 'refused':
      return `was stopped, because the server refused its reports: ${outcome.message}`
  }
}
