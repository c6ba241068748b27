/*
 * A worker: says what it can compute on, claims runs, and sees each one to its end. One run that waits gets all
 * threads; when several wait, they run side by side and share them, which is faster for all of them together.
 */
import { hostname } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { AssignmentSchema, KINDS, type Assignment, type Device, type WorkerHeartbeat } from '../server/contracts/index.js'
import { cpuDevice, usableDevices } from './devices.js'
import { MachineLoad } from './machine-load.js'
import type { Places } from './places.js'
import { backoffMs, ServerRefusal, ServerUnavailable, type ServerClient } from './server-client.js'
import { SpareChild } from './spare-child.js'
import { superviseRun, type Outcome } from './supervisor.js'
import { measureGflops, rememberedGflops } from './throughput.js'

export interface WorkerOptions {
  client: ServerClient
  name: string
  threads: number
  /** Runs side by side at most. */
  parallel: number
  places: Places
  childModule: URL
  probeModule: URL
  /** Times a product on a device; left out: no speed is told. */
  throughputModule?: URL
  /** Aborted to stop: the runs in hand are given back. */
  stop: AbortSignal
  log: (message: string) => void
}

const HEARTBEAT_EVERY_MS = 3_000
const CLAIM_WAIT_MS = 10_000
const LONGEST_PAUSE_MS = 2_000
/** A worker that has just started has runs to look for; only one that stays idle is measured. */
const IDLE_CHECK_MS = 1_000

/** The token is wrong, or the server speaks another protocol: no use in going on. */
export class WorkerRefused extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'WorkerRefused'
  }
}

/** A run in hand. */
interface Lane {
  threads: number
  ended: Promise<void>
}

export class Worker {
  private readonly options: WorkerOptions
  private devices: Device[]
  private readonly running = new Map<string, Lane>()
  private readonly spareChild: SpareChild
  private fault: { error: unknown } | null = null
  private isWaiting = false
  private isUnheard = false
  /** Aborted when a run begins: its pace, and what is measured beside it, would be wrong. */
  private measuring = new AbortController()

  constructor(options: WorkerOptions) {
    this.options = options
    this.devices = [cpuDevice(options.threads)]
    this.spareChild = new SpareChild(options.childModule)
  }

  /** Resolves after `stop`, when the runs in hand have been given back. @throws {WorkerRefused} */
  async work(): Promise<void> {
    const { stop } = this.options
    void this.probe()
    this.spareChild.prepareSoon()
    const heartbeat = this.beat()
    try {
      while (!stop.aborted && this.fault === null) {
        if (this.hasRoom()) await this.claimAndStart()
        else await Promise.race([...this.running.values()].map(({ ended }) => ended))
      }
    } finally {
      this.spareChild.stop()
    }
    await Promise.all([...this.running.values()].map(({ ended }) => ended))
    if (this.fault !== null) throw this.fault.error
    await heartbeat
  }

  private freeThreads(): number {
    return this.options.threads - [...this.running.values()].reduce((sum, { threads }) => sum + threads, 0)
  }

  /** Threads are what is shared; whoever asks for more runs than threads wants them to take turns. */
  private hasRoom(besides = 0): boolean {
    const { parallel, threads } = this.options
    return this.running.size + besides < parallel && (this.freeThreads() > besides || parallel > threads)
  }

  /** Whoever else waits when a run is claimed comes along, and they share the threads that are free. */
  private async claimAndStart(): Promise<void> {
    const first = await this.claim(CLAIM_WAIT_MS)
    if (first === null) return
    this.measuring.abort()
    const claimed = [first]
    while (!usesAccelerator(first) && this.hasRoom(claimed.length)) {
      const next = await this.claim(0)
      if (next === null) break
      claimed.push(next)
    }
    const share = Math.max(1, Math.floor(this.freeThreads() / claimed.length))
    for (const assignment of claimed) this.running.set(assignment.runId, { threads: share, ended: this.see(assignment, share) })
  }

  private async see(assignment: Assignment, threads: number): Promise<void> {
    const { log } = this.options
    const { runId, kind, name, attempt } = assignment
    log(`run ${runId} (${kind}, ${name}) begins, attempt ${attempt}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`)
    try {
      log(`run ${runId} ${describe(await this.supervise(assignment, threads))}`)
    } catch (error) {
      this.fault ??= { error }
    } finally {
      this.running.delete(runId)
    }
  }

  private supervise(assignment: Assignment, threads: number): Promise<Outcome> {
    const { client, name, places, stop, log } = this.options
    return superviseRun({
      assignment,
      client,
      worker: name,
      threads,
      devices: this.devices,
      takeChild: () => this.spareChild.take(),
      home: places.home,
      cacheFolder: places.cacheFolder,
      datasetRoots: places.datasetRoots,
      modelRoots: places.modelRoots,
      stop,
      log,
    })
  }

  /** One poll, as soon as the server is there; null when nothing is queued, or the worker stops. */
  private async claim(waitMs: number): Promise<Assignment | null> {
    const { client, name, stop } = this.options
    const json = { worker: name, kinds: [...KINDS], waitMs }
    for (let tries = 0; !stop.aborted; tries += 1) {
      try {
        const assignment = await client.ask('POST', '/api/worker/claim', { json, signal: stop, timeoutMs: waitMs + 20_000 })
        this.sayReached()
        return assignment === null ? null : AssignmentSchema.parse(assignment)
      } catch (fault) {
        if (stop.aborted) return null
        if (fault instanceof ServerRefusal) throw new WorkerRefused(refusedBy(client.baseUrl, fault))
        if (!(fault instanceof ServerUnavailable)) throw fault
        this.sayWaiting(fault)
        await sleep(backoffMs(tries, 200, LONGEST_PAUSE_MS), undefined, { signal: stop }).catch(() => undefined)
      }
    }
    return null
  }

  private sayWaiting(fault: ServerUnavailable): void {
    if (!this.isWaiting) this.options.log(`waiting for the server: ${fault.message}`)
    this.isWaiting = true
  }

  private sayReached(): void {
    if (this.isWaiting) this.options.log('the server is there')
    this.isWaiting = false
  }

  /** A server that is away is told by the claim loop, which meets it too; one that does not take what is told is met only here. */
  private sayUnheard(fault: unknown): void {
    if (!(fault instanceof ServerRefusal) || this.isUnheard) return
    this.isUnheard = true
    this.options.log(`the server does not take what this worker tells of itself: ${fault.message}`)
  }

  private async probe(): Promise<void> {
    const accelerators = await usableDevices(this.options.probeModule)
    this.devices = [...this.devices, ...accelerators]
    for (const device of accelerators) this.options.log(`device ${device.id}: ${device.name}`)
    await this.measure()
  }

  /** Tells how fast each device is: as remembered, then as measured in the pauses between runs. */
  private async measure(): Promise<void> {
    const { throughputModule: probeModule, places: { cacheFolder }, threads, stop } = this.options
    if (probeModule === undefined) return
    const options = { probeModule, cacheFolder, threads }
    this.devices = this.devices.map((device) => ({ ...device, gflops: rememberedGflops(device, options) }))
    for (const device of this.devices) {
      let gflops: number | null = null
      do {
        await this.idle()
        if (stop.aborted) return
        this.measuring = new AbortController()
        gflops = await measureGflops(device, options, AbortSignal.any([this.measuring.signal, stop]))
      } while (this.measuring.signal.aborted)
      this.devices = this.devices.map((other) => (other.id === device.id && gflops !== null ? { ...other, gflops } : other))
    }
  }

  /** Resolves when no run is under way, or the worker stops. */
  private async idle(): Promise<void> {
    const { stop } = this.options
    do await sleep(IDLE_CHECK_MS, undefined, { signal: stop }).catch(() => undefined)
    while (this.running.size > 0 && !stop.aborted)
  }

  private async beat(): Promise<void> {
    const { client, name, stop } = this.options
    const load = new MachineLoad()
    while (!stop.aborted) {
      const json: WorkerHeartbeat = { worker: name, host: hostname(), devices: this.devices, running: [...this.running.keys()], load: await load.read(this.devices) }
      await client.ask('POST', '/api/worker/heartbeat', { json, signal: stop, timeoutMs: 5_000 }).catch((fault: unknown) => this.sayUnheard(fault))
      await sleep(HEARTBEAT_EVERY_MS, undefined, { signal: stop }).catch(() => undefined)
    }
  }
}

/** Two runs on one accelerator would only wait for each other, and share its memory. */
function usesAccelerator({ params }: Assignment): boolean {
  return params['device'] !== undefined && params['device'] !== 'cpu'
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
