import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { HomeLock } from './home-lock.js'

let home: string
let path: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'bancada-home-'))
  path = join(home, 'server.lock')
})
afterEach(() => rm(home, { recursive: true, force: true }))

const take = (): Promise<HomeLock> => HomeLock.take(home, 'http://127.0.0.1:1')
const held = (holder: object): Promise<void> => writeFile(path, JSON.stringify({ pid: process.ppid, startedAt: null, host: hostname(), address: 'http://127.0.0.1:2', ...holder }))

it('is held by one server at a time, and free after it', async () => {
  const lock = await take()
  await expect(take()).rejects.toThrow(new RegExp(`process ${process.pid}, http://127.0.0.1:1\\) already uses the data folder ${home}`))
  await lock.release()
  await (await take()).release()
})

it('respects a living process', async () => {
  await held({})
  await expect(take()).rejects.toMatchObject({ code: 'conflict' })
})

it('takes over from a process that is dead', async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await new Promise((resolve) => child.once('exit', resolve))
  await held({ pid: child.pid })
  const lock = await take()
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid })
  await lock.release()
})

it.runIf(process.platform === 'linux')('takes over when the number of the dead process is used by another one now', async () => {
  await held({ startedAt: '1' })
  await (await take()).release()
})

it('takes over half a file, which a holder left that died while writing it', async () => {
  await writeFile(path, '{"pid":')
  await (await take()).release()
})

it('respects another machine only while its lock is fresh', async () => {
  await held({ host: 'elsewhere', pid: 1 })
  await expect(take()).rejects.toThrow('on elsewhere')
  await utimes(path, new Date(0), new Date(0))
  await (await take()).release()
})

it('says which folder cannot be used, and why', async () => {
  const file = join(home, 'a-file')
  await writeFile(file, '')
  await expect(HomeLock.take(file, 'http://127.0.0.1:1')).rejects.toThrow(`The data folder ${file} is a file and no folder. Set BANCADA_HOME to a folder that this user may write.`)
  await expect(HomeLock.take(join(file, 'below'), 'http://127.0.0.1:1')).rejects.toMatchObject({ code: 'forbidden' })
})

it('is given to one of many that find it stale at the same time', async () => {
  await writeFile(path, 'left behind')
  const taken = await Promise.allSettled(Array.from({ length: 4 }, take))
  const locks = taken.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  expect(locks).toHaveLength(1)
  for (const lock of locks) await lock.release()
})

it('stays fresh after its file could not be touched for a while', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const lock = await take()
  await rename(path, `${path}.away`)
  vi.advanceTimersByTime(60_000)
  await expect(utimes(path, new Date(), new Date())).rejects.toThrow('ENOENT')
  await rename(`${path}.away`, path)
  await utimes(path, new Date(0), new Date(0))
  await vi.waitFor(async () => {
    vi.advanceTimersByTime(60_000)
    expect((await stat(path)).mtimeMs).toBeGreaterThan(0)
  }, { timeout: 60_000 })
  await lock.release()
})
