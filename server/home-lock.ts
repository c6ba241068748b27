/*
 * One server per data folder: the embedded database and the artifacts allow no second one. The
 * lock is a file that names its holder; what a dead holder left behind is taken over.
 */
import { mkdir, open, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { AppError } from './contracts/index.js'

interface Holder {
  pid: number
  /** When that process started, in the kernel's ticks: a number used again names another process. */
  startedAt: string | null
  host: string
  address: string
}

/** A holder on another machine cannot be asked; it counts as alive while its lock file is fresh. */
const FRESH_MS = 30_000
const REFRESH_MS = 5_000

export class HomeLock {
  private constructor(
    private readonly path: string,
    private readonly refresher: NodeJS.Timeout,
  ) {}

  /** Takes the folder, or throws `conflict` with the holder's process and address. */
  static async take(home: string, address: string): Promise<HomeLock> {
    const path = join(home, 'server.lock')
    const me: Holder = { pid: process.pid, startedAt: startOf(process.pid), host: hostname(), address }
    while (!(await create(home, path, me))) {
      const text = await readFile(path, 'utf8').catch(() => '')
      const holder = parse(text)
      if (holder !== null && (await isAlive(holder, path))) {
        throw new AppError('conflict', `Another Bancada server (process ${holder.pid}${holder.host === me.host ? '' : ` on ${holder.host}`}, ${holder.address}) already uses the data folder ${home}. Stop it first, or start this one with another BANCADA_HOME.`)
      }
      await discard(path, text)
    }
    // A disk that is away for a moment must not make the lock look abandoned for good.
    const refresher = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), REFRESH_MS)
    refresher.unref()
    return new HomeLock(path, refresher)
  }

  async release(): Promise<void> {
    clearInterval(this.refresher)
    await rm(this.path, { force: true })
  }
}

/** @throws {AppError} `forbidden` where the data folder cannot be made or written to */
async function create(home: string, path: string, holder: Holder): Promise<boolean> {
  try {
    await mkdir(home, { recursive: true })
  } catch (error) {
    throw unusable(home, error)
  }
  try {
    await using file = await open(path, 'wx')
    await file.writeFile(`${JSON.stringify(holder)}\n`)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw unusable(home, error)
  }
}

const UNUSABLE: Readonly<Record<string, string>> = {
  EROFS: 'lies on a file system that can only be read',
  EACCES: 'may not be written by this user',
  EPERM: 'may not be written by this user',
  EEXIST: 'is a file and no folder',
  ENOTDIR: 'lies below a file and not a folder',
}

function unusable(home: string, error: unknown): unknown {
  const why = UNUSABLE[(error as NodeJS.ErrnoException).code ?? '']
  return why === undefined ? error : new AppError('forbidden', `The data folder ${home} ${why}. Set BANCADA_HOME to a folder that this user may write.`, { cause: error })
}

function parse(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Holder
    return typeof holder.pid === 'number' ? holder : null
  } catch {
    // Half a file: its writer died while writing it, or is writing it now; `discard` tells which.
    return null
  }
}

async function isAlive(holder: Holder, path: string): Promise<boolean> {
  if (holder.host !== hostname()) return Date.now() - (await stat(path)).mtimeMs < FRESH_MS
  if (holder.pid === process.pid) return holder.startedAt === startOf(process.pid)
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const startedAt = startOf(holder.pid)
  return startedAt === null || holder.startedAt === null || startedAt === holder.startedAt
}

/** Moves a stale lock aside; when another server took the folder meanwhile, its lock is put back. */
async function discard(path: string, staleText: string): Promise<void> {
  if (staleText === '') {
    // A file just created and not yet written: give its writer a moment.
    await new Promise((resolve) => setTimeout(resolve, 200))
    if ((await readFile(path, 'utf8').catch(() => '')) !== '') return
  }
  const aside = `${path}.${process.pid}`
  try {
    await rename(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = await readFile(aside, 'utf8')
  if (moved !== staleText) await writeFile(path, moved, { flag: 'wx' }).catch(() => undefined)
  await rm(aside, { force: true })
}

/** Field 22 of /proc/PID/stat; null where there is no such file (other systems, or no such process). */
function startOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in parentheses and may itself hold spaces and parentheses.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}
