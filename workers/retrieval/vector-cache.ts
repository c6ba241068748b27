import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DIMENSIONS } from './sentence-encoder.js'

/**
 * Sentence vectors on disk, one file per list of sentences (a document), named by what they depend
 * on: the model and the sentences. A sweep embeds each document once, and a run that was killed
 * goes on where it was. Little-endian float32, as on every machine that Node runs on here.
 */
export class VectorCache {
  constructor(
    private readonly folder: string,
    private readonly model: string,
  ) {}

  private pathOf(sentences: readonly string[]): string {
    const hash = createHash('sha256')
    for (const sentence of sentences) hash.update(`${Buffer.byteLength(sentence)}:`).update(sentence)
    return join(this.folder, `${this.model}-${hash.digest('hex')}.f32`)
  }

  /** The vectors [n, 512], or null when they are not there or not whole. */
  async read(sentences: readonly string[]): Promise<Float32Array | null> {
    const bytes = await readFile(this.pathOf(sentences)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (bytes?.byteLength !== sentences.length * DIMENSIONS * 4) return null
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  }

  /** Written under another name first: a reader sees all of it or nothing. */
  async write(sentences: readonly string[], vectors: Float32Array): Promise<void> {
    const path = this.pathOf(sentences)
    const unfinished = `${path}.${randomUUID()}`
    await mkdir(this.folder, { recursive: true })
    await writeFile(unfinished, new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength))
    await rename(unfinished, path)
  }
}
