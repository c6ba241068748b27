/*
 * A process of a run, started before its run is there: loading its modules takes longer than many a run
 * that finds its replies stored. One is kept ready, and every run still has a process of its own.
 */
import { fork, type ChildProcess } from 'node:child_process'

/** What just began needs the cores more than what may begin next: loading takes half a second of one, which most runs from stored replies do not last longer than. */
const PREPARE_AFTER_MS = 3_000
/** A worker is kept lean; what a run makes shall mostly be dead before anybody copies it, and a heap that is still small is not searched: both took a fifth of the processor time of a run of stored replies. */
const EXEC_ARGV = [...process.execArgv.filter((flag) => !/^--(max-semi-space-size|heap-growing-percent)/.test(flag)), '--max-semi-space-size=32', '--initial-old-space-size=96', '--heap-growing-percent=70']

export class SpareChild {
  private spare: ChildProcess | null = null
  private timer: NodeJS.Timeout | undefined
  /** One that ended, or could not be started, is not handed out; the next one says why. */
  private readonly forget = (): void => {
    this.spare = null
  }

  constructor(private readonly module: URL) {}

  /** Makes one ready, a while from now. */
  prepareSoon(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => {
      this.spare ??= startChild(this.module).once('error', this.forget).once('exit', this.forget)
    }, PREPARE_AFTER_MS)
  }

  /** A process that waits for its start message and is nobody else's. */
  take(): ChildProcess {
    const child = this.spare?.off('error', this.forget).off('exit', this.forget) ?? startChild(this.module)
    this.spare = null
    this.prepareSoon()
    return child
  }

  stop(): void {
    clearTimeout(this.timer)
    this.spare?.kill('SIGKILL')
  }
}

export function startChild(module: URL): ChildProcess {
  return fork(module, { serialization: 'advanced', stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: EXEC_ARGV })
}
