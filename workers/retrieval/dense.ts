/* Vectors of chunks and questions: from the sentence encoder of this machine, or from an embeddings endpoint. */
import type { EmbeddingUse } from '../../server/contracts/index.js'
import { forEachInFlight } from '../in-flight.js'
import { usedBy, type AccountedEmbeddings, type EmbeddedText } from '../providers/accounted-embeddings.js'
import { chunkVectors, embedDocuments, normalize } from './embedding.js'
import type { Chunk, RetrievalDocument } from './retriever.js'
import { DIMENSIONS, SentenceEncoder } from './sentence-encoder.js'
import type { VectorCache } from './vector-cache.js'

export interface EmbedProgress {
  done: number
  total: number
  unit: 'sentences' | 'chunks'
}

export interface ChunkVectors {
  /** [chunks, dimensions], unit length, in the order of the chunks. */
  vectors: Float32Array
  dimensions: number
  /** What an endpoint was asked for; null: nobody was. */
  took: EmbeddingUse | null
}

export interface DenseVectors {
  ofChunks(documents: readonly RetrievalDocument[], chunks: readonly Chunk[], textOf: (chunk: Chunk) => string): Promise<ChunkVectors>
  /** Unit length. */
  ofQuestion(question: string): Promise<{ vector: Float32Array; took: EmbeddedText | null }>
}

export interface SentenceVectorsOptions {
  cache: VectorCache
  /** CPU threads of the encoder. */
  threads: number
  onProgress(progress: EmbedProgress): void
}

/** Means of sentence vectors, see embedding.ts. */
export async function sentenceVectors({ cache, threads, onProgress }: SentenceVectorsOptions): Promise<DenseVectors> {
  const encoder = await SentenceEncoder.load(threads)
  return {
    async ofChunks(documents, chunks) {
      const embedded = await embedDocuments(
        documents.map(({ text }) => text),
        { encoder, cache, onProgress: (progress) => onProgress({ ...progress, unit: 'sentences' }) },
      )
      const byDocument = Map.groupBy(chunks, ({ document }) => document)
      const vectors = new Float32Array(chunks.length * DIMENSIONS)
      documents.forEach(({ id }, position) => {
        const own = byDocument.get(id) ?? []
        const source = embedded[position]
        if (source && own[0]) vectors.set(chunkVectors(source, own), own[0].index * DIMENSIONS)
      })
      // The first run allocates; the first question's latency should be like the others'.
      await encoder.encode(['warm up'])
      return { vectors, dimensions: DIMENSIONS, took: null }
    },
    ofQuestion: async (question) => ({ vector: await encoder.encode([question]), took: null }),
  }
}

export interface EndpointVectorsOptions {
  /** Asked for many chunks at a time. */
  ofChunks: AccountedEmbeddings
  /** Asked for one question at a time, as a reader would wait for it. */
  ofQuestions: AccountedEmbeddings
  onProgress(progress: EmbedProgress): void
}

/** Chunks that wait for their vectors at a time: enough to fill the calls in flight and a batch of look-ups. */
const CHUNKS_AHEAD = 2_000

/** Each chunk whole, and each question, as the endpoint's model reads it. */
export function endpointVectors({ ofChunks, ofQuestions, onProgress }: EndpointVectorsOptions): DenseVectors {
  return {
    async ofChunks(_documents, chunks, textOf) {
      const rows = new Map<number, Float32Array>()
      const took: EmbeddedText[] = []
      await forEachInFlight(chunks, CHUNKS_AHEAD, async (chunk) => {
        const { vector, ...facts } = await ofChunks.embed(textOf(chunk))
        rows.set(chunk.index, normalize(vector))
        took.push(facts)
        onProgress({ done: rows.size, total: chunks.length, unit: 'chunks' })
      })
      const dimensions = rows.get(0)?.length ?? 0
      const vectors = new Float32Array(chunks.length * dimensions)
      for (const [index, row] of rows) vectors.set(row, index * dimensions)
      return { vectors, dimensions, took: usedBy(took) }
    },
    async ofQuestion(question) {
      const { vector, ...took } = await ofQuestions.embed(question)
      return { vector: normalize(vector), took }
    },
  }
}
