import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { countLines, digestOf, remembered } from './file-facts.js'

/** A path at which texts are written with one time of change, and how often it was read since. */
async function fileOf() {
  const folder = await mkdtemp(join(tmpdir(), 'bancada-facts-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'test.jsonl')
  const put = async (text: string): Promise<void> => {
    await writeFile(path, text)
    await utimes(path, new Date(0), new Date(0))
  }
  const reads: string[] = []
  const textOf = remembered(async (at) => {
    const text = await readFile(at, 'utf8')
    reads.push(text)
    if (text === '') throw new Error('empty')
    return text
  })
  return { path, put, reads, textOf }
}

/** The clock from which files that are written now look settled. */
function later(): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 })
  onTestFinished(() => void vi.useRealTimers())
}

test('reads a file once, and again when it was changed, whatever time it claims', async () => {
  const { path, put, reads, textOf } = await fileOf()
  await put('a')
  later()
  expect(await Promise.all([textOf(path), textOf(path)])).toEqual(['a', 'a'])
  expect(await textOf(path)).toBe('a')
  await put('bc')
  expect(await textOf(path)).toBe('bc')
  expect(reads).toEqual(['a', 'bc'])
})

test('reads a file again that was changed just now, and one that could not be read', async () => {
  const { path, put, reads, textOf } = await fileOf()
  await put('a')
  for (let time = 0; time < 2; time += 1) await textOf(path)
  later()
  await put('')
  for (let time = 0; time < 2; time += 1) await expect(textOf(path)).rejects.toThrow('empty')
  expect(reads).toEqual(['a', 'a', '', ''])
})

test('tells digest and lines', async () => {
  const { path, put } = await fileOf()
  await put('a\n\nb\n')
  expect([await digestOf(path), await countLines(path)]).toEqual(['770423513bd0765c18e500000baec91976bcd8267a245437b32572665c6ac370', 2])
})
