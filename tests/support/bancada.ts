/**
 * Starts real Bancada processes for tests: the built server on a free port with a data folder of
 * its own, its worker, and the command line.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'

export const root = fileURLToPath(new URL('../../', import.meta.url))

/** Whoever has said nothing after this hangs; a busy machine is slow. */
const PATIENCE_MS = 250_000

export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A process whose output is kept, and that never outlives its test. */
export class Running {
  readonly ended: Promise<Ended>
  output = ''
  readonly #child: ChildProcess

  constructor(script: string, args: string[], env: NodeJS.ProcessEnv = {}) {
    this.#child = spawn(process.execPath, [join(root, script), ...args], { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) if (stream) createInterface({ input: stream }).on('line', (line) => (this.output += `${line}\n`))
    this.ended = new Promise((resolve) => this.#child.on('close', (code, signal) => resolve({ code, signal })))
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the process did not start')
    return this.#child.pid
  }

  async waitFor(pattern: RegExp, timeoutMs = PATIENCE_MS): Promise<void> {
    const deadline = Date.now() + timeoutMs
    let over = false
    void this.ended.then(() => (over = true))
    while (!pattern.test(this.output)) {
      if (over) throw new Error(`the process ended before it said ${pattern}:\n${this.output}`)
      if (Date.now() > deadline) throw new Error(`the process did not say ${pattern} within ${timeoutMs} ms:\n${this.output}`)
      await pause(20)
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async stop(): Promise<Ended> {
    this.kill('SIGTERM')
    const forced = setTimeout(() => this.kill('SIGKILL'), 15_000)
    const ended = await this.ended
    clearTimeout(forced)
    return ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Ends a process and its children as a power cut would: at once and without a word. */
export function killTree(running: Running): void {
  // ps exits with 1 where there are none, as between two runs.
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(running.pid)], { encoding: 'utf8' }).stdout.split('\n').map(Number).filter(Boolean)
  for (const pid of [running.pid, ...children]) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      // It may have ended since it was listed.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** A folder that is removed at the end of its test. */
export async function temporaryFolder(): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'bancada-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

export interface Server extends Running {
  url: string
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown, type?: string): Promise<T>
}

/** Starts the built server; it has no examples and no worker unless `args` says otherwise. */
export async function startServer(home: string, options: { port?: number; args?: string[]; env?: NodeJS.ProcessEnv } = {}): Promise<Server> {
  const port = options.port ?? (await freePort())
  const running = new Running('dist/server/main.js', ['--port', String(port), ...(options.args ?? ['--no-examples', '--no-worker'])], { BANCADA_HOME: home, ...options.env })
  await running.waitFor(/ready at/)
  const url = `http://127.0.0.1:${port}`
  const ask = async <T>(method: string, path: string, body?: unknown, type = 'application/json'): Promise<T> => {
    const sent = body === undefined ? {} : { headers: { 'content-type': type }, body: typeof body === 'string' ? body : JSON.stringify(body) }
    const response = await fetch(url + path, { method, ...sent })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  return Object.assign(running, { url, get: <T>(path: string) => ask<T>('GET', path), post: <T>(path: string, body?: unknown, type?: string) => ask<T>('POST', path, body, type) })
}

export function startWorker(url: string, home: string, name: string): Running {
  return new Running('dist/workers/main.js', ['--server', url, '--name', name], { BANCADA_HOME: home })
}

/** Runs the command line to its end. */
export async function bancada(url: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const running = new Running('server/cli/bancada.js', args, { BANCADA_SERVER: url })
  const { code } = await running.ended
  return { code, output: running.output }
}

/** Whether a run or an experiment has ended, one way or another. */
export const isOver = ({ status }: { status: string }): boolean => !['queued', 'running', 'waiting'].includes(status)

/** Asks again and again until `isDone` holds; fails with the last answer when it never does. */
export async function until<T>(ask: () => Promise<T>, isDone: (value: T) => boolean, timeoutMs = PATIENCE_MS): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const value = await ask()
    if (isDone(value)) return value
    if (Date.now() > deadline) throw new Error(`not reached within ${timeoutMs} ms; the last answer was ${JSON.stringify(value).slice(0, 2_000)}`)
    await pause(100)
  }
}
