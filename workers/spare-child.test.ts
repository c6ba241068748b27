import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { once } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { SpareChild } from './spare-child.js'

async function spareOf(program: string): Promise<SpareChild> {
  const folder = await mkdtemp(join(tmpdir(), 'bancada-spare-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const module = join(folder, 'child.mjs')
  await writeFile(module, program)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const spare = new SpareChild(pathToFileURL(module))
  onTestFinished(() => spare.stop())
  return spare
}

const ECHO = `process.on('disconnect', () => process.exit()); const born = Date.now(); process.on('message', (said) => process.send({ said, born }))`

test('hands out the process that it made ready, and another one to the next', async () => {
  const spare = await spareOf(ECHO)
  spare.prepareSoon()
  vi.advanceTimersByTime(3_000)
  const made = Reflect.get(spare, 'spare') as { pid: number }
  const [first, second] = [spare.take(), spare.take()]
  expect(first.pid).toBe(made.pid)
  expect(second.pid).not.toBe(made.pid)
  for (const child of [first, second]) {
    child.send('hello')
    expect((await once(child, 'message'))[0]).toMatchObject({ said: 'hello' })
    child.kill('SIGKILL')
  }
})

test('does not hand out one that has died', async () => {
  const spare = await spareOf('process.exit(1)')
  spare.prepareSoon()
  vi.advanceTimersByTime(3_000)
  const dead = Reflect.get(spare, 'spare') as import('node:child_process').ChildProcess
  await once(dead, 'exit')
  const taken = spare.take()
  expect(taken.pid).not.toBe(dead.pid)
  await once(taken, 'exit')
})
