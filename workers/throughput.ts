/*
 * How fast the devices multiply, for estimates of time: measured once by each worker, in a process of its own, while no run
 * is under way; the greatest is remembered in the cache.
 */
import { fork } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Device } from '../server/contracts/index.js'

const TIMEOUT_MS = 30_000

export interface ThroughputOptions {
  probeModule: URL
  cacheFolder: string
  /** CPU threads of the worker. */
  threads: number
}

/** What was measured before; null where nothing was. */
export function rememberedGflops(device: Device, { cacheFolder, threads }: ThroughputOptions): number | null {
  return readNotes(cacheFolder)[keyOf(device, threads)] ?? null
}

/** The greatest speed so far, since others on the machine only make it less. Null where the device does not answer in time; `signal` ends it early, and then nothing is remembered either. */
export async function measureGflops(device: Device, options: ThroughputOptions, signal: AbortSignal): Promise<number | null> {
  const { probeModule, cacheFolder, threads } = options
  const measured = await ask(probeModule, [device.kind, String(device.threads ?? threads)], signal)
  if (measured === null) return null
  const gflops = Math.max(measured, rememberedGflops(device, options) ?? 0)
  writeNotes(cacheFolder, { ...readNotes(cacheFolder), [keyOf(device, threads)]: gflops })
  return gflops
}

function ask(module: URL, args: string[], signal: AbortSignal): Promise<number | null> {
  return new Promise((resolve) => {
    const child = fork(module, args, { stdio: 'ignore', timeout: TIMEOUT_MS, signal })
    child.once('message', (gflops) => {
      resolve(typeof gflops === 'number' && gflops > 0 ? gflops : null)
      child.kill()
    })
    child.once('error', () => resolve(null))
    child.once('close', () => resolve(null))
  })
}

/** Another processor, library or share of the cores is another speed. */
function keyOf({ id, name }: Device, threads: number): string {
  return `${id} ${name} ${threads}`
}

function noteFile(cacheFolder: string): string {
  return join(cacheFolder, 'throughput.json')
}

function writeNotes(cacheFolder: string, notes: Record<string, number>): void {
  const file = noteFile(cacheFolder)
  const partial = `${file}.${process.pid}.part`
  try {
    mkdirSync(cacheFolder, { recursive: true })
    writeFileSync(partial, JSON.stringify(notes))
    renameSync(partial, file)
  } catch {
    // A full or read-only disk: the speed is told all the same, and the next worker measures again.
  }
}

function readNotes(cacheFolder: string): Record<string, number> {
  try {
    const notes = JSON.parse(readFileSync(noteFile(cacheFolder), 'utf8')) as object
    return Object.fromEntries(Object.entries(notes).filter(([, gflops]) => typeof gflops === 'number' && gflops > 0))
  } catch {
    return {} // Nothing was measured yet, or somebody damaged the file: it is measured again.
  }
}
