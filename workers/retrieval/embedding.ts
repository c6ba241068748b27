/*
 * Dense retrieval: chunk vectors from sentence vectors, and exact search over them.
 * The encoder reads 128 tokens at most, so the vector of a chunk is the mean of the vectors of its
 * sentences, weighted by the characters of each that lie in the chunk, and scaled to length 1. No
 * text is cut off, whatever the chunk size, and a sweep over chunk sizes embeds the documents once.
 */
import type { Span } from './chunker.js'
import { type Ranked, topK } from './ranking.js'
import { DIMENSIONS, type SentenceEncoder } from './sentence-encoder.js'
import { splitSentences } from './sentences.js'
import type { VectorCache } from './vector-cache.js'

export interface EmbeddedDocument {
  sentences: Span[]
  /** [sentences, 512], unit length */
  vectors: Float32Array
}

interface EmbedProgress {
  done: number
  total: number
}

/** Splits and embeds documents, from the cache where it has them. `total` counts sentences. */
export async function embedDocuments(
  texts: readonly string[],
  options: { encoder: SentenceEncoder; cache: VectorCache; onProgress: (progress: EmbedProgress) => void },
): Promise<EmbeddedDocument[]> {
  const split = texts.map((text) => {
    const sentences = splitSentences(text)
    return { sentences, parts: sentences.map(({ start, end }) => text.slice(start, end).trim()) }
  })
  const total = split.reduce((sum, { sentences }) => sum + sentences.length, 0)
  let done = 0
  const documents: EmbeddedDocument[] = []
  for (const { sentences, parts } of split) {
    const before = done
    let vectors = await options.cache.read(parts)
    if (vectors === null) {
      vectors = await options.encoder.encode(parts, { onProgress: (count) => options.onProgress({ done: before + count, total }) })
      await options.cache.write(parts, vectors)
    }
    done += sentences.length
    options.onProgress({ done, total })
    documents.push({ sentences, vectors })
  }
  return documents
}

/** Vectors of the chunks of one document, [chunks, 512]. Chunks and sentences are in order of their start. */
export function chunkVectors({ sentences, vectors }: EmbeddedDocument, chunks: readonly Span[]): Float32Array {
  const result = new Float32Array(chunks.length * DIMENSIONS)
  let first = 0
  chunks.forEach((chunk, index) => {
    while ((sentences[first]?.end ?? Infinity) <= chunk.start) first++
    const row = result.subarray(index * DIMENSIONS, (index + 1) * DIMENSIONS)
    for (let at = first; (sentences[at]?.start ?? Infinity) < chunk.end; at++) {
      const sentence = sentences[at]
      if (!sentence) break
      const weight = Math.min(sentence.end, chunk.end) - Math.max(sentence.start, chunk.start)
      for (let d = 0; d < DIMENSIONS; d++) row[d] = (row[d] ?? 0) + weight * (vectors[at * DIMENSIONS + d] ?? 0)
    }
    normalize(row)
  })
  return result
}

/** Scales it in place to length 1; one without a length stays. */
export function normalize(row: Float32Array): Float32Array {
  const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
  if (length === 0) return row
  for (let d = 0; d < row.length; d++) row[d] = (row[d] ?? 0) / length
  return row
}

/** Exact search by cosine similarity over unit vectors. */
export class VectorIndex {
  private readonly scores: Float32Array

  /** @param vectors [n, dimensions], unit length */
  constructor(
    private readonly vectors: Float32Array,
    private readonly dimensions = DIMENSIONS,
  ) {
    this.scores = new Float32Array(vectors.length === 0 ? 0 : vectors.length / dimensions)
  }

  /** The k most similar rows, best first; scores are cosines. */
  search(query: Float32Array, k: number): Ranked[] {
    const { vectors, scores, dimensions } = this
    const inFours = dimensions - (dimensions % 4)
    for (let row = 0, offset = 0; row < scores.length; row++, offset += dimensions) {
      // Four sums at a time: one long chain of additions would wait for each.
      let [a, b, c, d] = [0, 0, 0, 0]
      for (let i = 0; i < inFours; i += 4) {
        a += (vectors[offset + i] ?? 0) * (query[i] ?? 0)
        b += (vectors[offset + i + 1] ?? 0) * (query[i + 1] ?? 0)
        c += (vectors[offset + i + 2] ?? 0) * (query[i + 2] ?? 0)
        d += (vectors[offset + i + 3] ?? 0) * (query[i + 3] ?? 0)
      }
      for (let i = inFours; i < dimensions; i++) a += (vectors[offset + i] ?? 0) * (query[i] ?? 0)
      scores[row] = a + b + c + d
    }
    return topK(scores, k)
  }
}
