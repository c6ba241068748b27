/*
 * Files that runs leave behind, in a folder per run, named by their content: a file is whole or
 * absent, a stale sender cannot change what another one stored, and equal files are kept once.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, existsSync, type ReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { AppError, type StoredFile } from '../contracts/index.js'
import { assertDiskSpace } from '../store/disk-space.js'

const SHA256 = /^[0-9a-f]{64}$/
/** How much is written between two looks at the space that is left. */
const SPACE_CHECK_BYTES = 8 * 1024 * 1024
const RUN_ID = /^[a-z0-9][\w-]{0,99}$/i

export class ArtifactStore {
  constructor(private readonly folder: string) {}

  /** Stores the bytes of `content`; on any failure nothing of them stays. Throws `storage_full`. */
  async write(runId: string, content: Readable): Promise<StoredFile> {
    const folder = this.#runFolder(runId)
    const partial = join(folder, `${randomUUID()}.partial`)
    try {
      await mkdir(folder, { recursive: true })
      const stored = await writeDurably(partial, content)
      await rename(partial, join(folder, stored.sha256))
      await syncFolder(folder)
      return stored
    } catch (error) {
      await rm(partial, { force: true })
      throw fileFault(error) ?? error
    }
  }

  /** The bytes of a stored file. Throws `not_found` when the folder lost it. */
  async read(runId: string, sha256: string): Promise<ReadStream> {
    const path = this.#path(runId, sha256)
    try {
      await stat(path)
    } catch (error) {
      throw new AppError('not_found', `A file of run ${runId} (sha256 ${sha256}) is missing from the artifacts folder; was it removed by hand?`, { cause: error })
    }
    return createReadStream(path)
  }

  async remove(runId: string, sha256: string): Promise<void> {
    await unlink(this.#path(runId, sha256)).catch((error: unknown) => {
      // Gone already is what was asked for.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    })
  }

  /** Removes all files of a run; gives their size in bytes. */
  async removeRun(runId: string): Promise<number> {
    const folder = this.#runFolder(runId)
    if (!existsSync(folder)) return 0
    let sizeBytes = 0
    for (const name of await readdir(folder)) sizeBytes += (await stat(join(folder, name))).size
    await rm(folder, { recursive: true, force: true })
    return sizeBytes
  }

  #runFolder(runId: string): string {
    if (!RUN_ID.test(runId)) throw new AppError('invalid_request', `"${runId}" is not the id of a run.`)
    return join(this.folder, runId)
  }

  #path(runId: string, sha256: string): string {
    if (!SHA256.test(sha256)) throw new AppError('invalid_request', `"${sha256}" is not a sha256 digest.`)
    return join(this.#runFolder(runId), sha256)
  }
}

async function writeDurably(path: string, content: Readable): Promise<StoredFile> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  let uncheckedBytes = 0
  await using file = await open(path, 'wx')
  for await (const chunk of content as AsyncIterable<Buffer>) {
    hash.update(chunk)
    sizeBytes += chunk.length
    await file.writeFile(chunk)
    uncheckedBytes += chunk.length
    if (uncheckedBytes < SPACE_CHECK_BYTES) continue
    uncheckedBytes = 0
    await assertDiskSpace(dirname(path))
  }
  await file.sync()
  return { sizeBytes, sha256: hash.digest('hex') }
}

/** A rename outlives a power cut only once its folder is on the disk. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  await using handle = await open(folder, 'r')
  await handle.sync()
}

export function fileFault(error: unknown): AppError | null {
  const code = (error as NodeJS.ErrnoException | null)?.code
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return null
  return new AppError('storage_full', 'The disk is full: the file was not stored, and nothing of it was kept. Free some space in BANCADA_HOME and try again.', { cause: error })
}
