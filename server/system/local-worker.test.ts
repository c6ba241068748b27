import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { Logger } from '../logger.js'
import { LocalWorker } from './local-worker.js'

it('is started again when it dies and when its program was away, and ends when it is asked to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bancada-local-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const node = process.execPath
  onTestFinished(() => void (process.execPath = node))
  const script = join(folder, 'worker.mjs')
  const noted = join(folder, 'noted')
  await writeFile(script, `import { appendFileSync } from 'node:fs'\nappendFileSync(${JSON.stringify(noted)}, process.argv.slice(2).join(' ') + '\\n')\nsetInterval(() => undefined, 1_000)\n`)
  const deaths: string[] = []
  const logger = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  onTestFinished(() => logger.mockRestore())
  const onDeath = (name: string): Promise<void> => {
    deaths.push(name)
    process.execPath = node
    return Promise.resolve()
  }
  const worker = new LocalWorker({ url: 'http://127.0.0.1:1', name: 'w', token: undefined, logger: new Logger('error'), onDeath }, script)
  process.execPath = join(folder, 'no-such-node')
  worker.start()
  await vi.waitFor(async () => expect(await readFile(noted, 'utf8')).toBe('--server http://127.0.0.1:1 --name w\n'), { timeout: 60_000 })
  expect(deaths).toEqual(['w'])
  await worker.stop(60_000)
})
