/*
 * What is known of a file's bytes, so that nobody reads gigabytes again to tell that they are the same. A file is the
 * same while its size, its identity and the times of its last change are: the kernel sets the latter at every write.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { readLines } from './lines.js'

/** A file that was changed just now may be changed again before the clock of its times moves on. */
const SETTLED_MS = 2_000

/** sha256 of the file, hexadecimal. @throws where it cannot be read */
export const digestOf = remembered(async (path) => {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
})

/** Lines that hold something. @throws {DatasetError} `dataset_line` for one that is no UTF-8 or too long, `dataset_file` where the file cannot be read */
export const countLines = remembered(async (path) => {
  let count = 0
  for await (const _line of readLines(path)) count += 1
  return count
})

/** Reads a file's fact once for each version of the file, however many ask at the same time. A failure is not kept. */
export function remembered<Fact>(read: (path: string) => Promise<Fact>): (path: string) => Promise<Fact> {
  const known = new Map<string, { version: string; fact: Promise<Fact> }>()
  return async (path) => {
    const { version, isSettled } = await versionOf(path)
    const kept = known.get(path)
    if (kept?.version === version) return kept.fact
    const fact = read(path)
    if (!isSettled) return fact
    known.set(path, { version, fact })
    const isWhole = await fact.then(async () => (await versionOf(path)).version === version, () => false)
    // Read while it was written, or not at all.
    if (!isWhole && known.get(path)?.fact === fact) known.delete(path)
    return fact
  }
}

async function versionOf(path: string): Promise<{ version: string; isSettled: boolean }> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
  return { version: [dev, ino, size, mtimeNs, ctimeNs].join(' '), isSettled: Date.now() - Number(ctimeNs / 1_000_000n) > SETTLED_MS }
}
