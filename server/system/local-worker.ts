/* The worker that the server brings along: started with it, started again when it dies, stopped with it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Logger } from '../logger.js'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** A worker that lived this long had started well, so the next pause is short again. */
const HEALTHY_MS = 60_000

export interface LocalWorkerOptions {
  url: string
  name: string
  token: string | undefined
  logger: Logger
  /** Called after each death, before the next start: what it held can be given to others. */
  onDeath: (name: string) => Promise<void>
}

export class LocalWorker {
  #child: ChildProcess | null = null
  #restart: NodeJS.Timeout | null = null
  #pauseMs = FIRST_PAUSE_MS
  #isStopping = false

  constructor(
    private readonly options: LocalWorkerOptions,
    private readonly script = fileURLToPath(new URL('../../workers/main.js', import.meta.url)),
  ) {}

  start(): void {
    const { logger, name, url, token } = this.options
    if (!existsSync(this.script)) {
      logger.error('the local worker is not built, so runs wait for another one; build it with: npm run build', { script: this.script })
      return
    }
    const startedMs = Date.now()
    // Over the channel a worker notices at once when the server is killed, and stops too.
    const child = spawn(process.execPath, [...process.execArgv, this.script, '--server', url, '--name', name], {
      env: { ...process.env, ...(token === undefined ? {} : { BANCADA_TOKEN: token }) },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#child = child
    child.on('error', (error) => logger.error('the local worker cannot be started', { error: error.message }))
    // 'close' comes also where the process could not be started, as while its program is being replaced.
    child.on('close', (code, signal) => {
      this.#child = null
      if (this.#isStopping) return
      if (Date.now() - startedMs > HEALTHY_MS) this.#pauseMs = FIRST_PAUSE_MS
      logger.error('the local worker ended; it is started again', { code, signal, pauseMs: this.#pauseMs })
      this.options.onDeath(name).catch((error: unknown) => logger.error('runs of the dead worker wait for their heartbeat to run out', { error: String(error) }))
      this.#restart = setTimeout(() => this.start(), this.#pauseMs)
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
    })
  }

  /** Asks it to give its run back and end; ends it by force when it takes longer than `patienceMs`. */
  async stop(patienceMs: number): Promise<void> {
    this.#isStopping = true
    if (this.#restart !== null) clearTimeout(this.#restart)
    const child = this.#child
    if (child === null) return
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), patienceMs)
    await ended
    clearTimeout(force)
  }
}
