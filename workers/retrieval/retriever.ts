/* Documents in, ranked chunks out: chunking, the index of the chosen kind, and search. */
import type { EmbeddingUse, RagParameters } from '../../server/contracts/index.js'
import type { EmbeddedText } from '../providers/accounted-embeddings.js'
import { Bm25Index } from './bm25.js'
import { chunkText } from './chunker.js'
import type { DenseVectors } from './dense.js'
import { VectorIndex } from './embedding.js'
import type { Passage } from './metrics.js'
import { fuseRankings, type Ranked } from './ranking.js'

export interface RetrievalDocument {
  id: string
  text: string
}

export interface Chunk extends Passage {
  /** Position among all chunks. */
  index: number
}

export interface RetrievedChunk extends Chunk {
  score: number
}

export interface Found {
  chunks: RetrievedChunk[]
  /** Of the search and of the call for the question's vector; not of the wait for a turn to call. */
  latencyMs: number
  /** What the question's vector took, where an endpoint gave it. */
  took: EmbeddedText | null
}

export interface Retriever {
  chunks: readonly Chunk[]
  /** What the chunks' vectors took, where an endpoint gave them. */
  took: EmbeddingUse | null
  textOf(chunk: Passage): string
  /** The k best chunks for a question, best first; BM25 gives fewer where fewer share a term with it. */
  search(question: string, k: number): Promise<Found>
}

export type RetrieverOptions = Pick<RagParameters, 'chunkSize' | 'chunkOverlap' | 'retriever' | 'bm25K1' | 'bm25B'> & {
  /** Opened only where the retriever needs vectors. */
  openDense(): Promise<DenseVectors>
}

/** How deep each ranking is read before fusion: far enough that the k best of the sum are among them. */
const FUSION_DEPTH = 100

interface Dense extends Pick<DenseVectors, 'ofQuestion'> {
  index: VectorIndex
  took: EmbeddingUse | null
}

/** Builds the index over all documents. */
export async function buildRetriever(documents: readonly RetrievalDocument[], options: RetrieverOptions): Promise<Retriever> {
  const texts = new Map(documents.map(({ id, text }) => [id, text]))
  const textOf = ({ document, start, end }: Passage): string => texts.get(document)?.slice(start, end) ?? ''
  const chunks: Chunk[] = []
  for (const { id, text } of documents) {
    for (const { start, end } of chunkText(text, { size: options.chunkSize, overlap: options.chunkOverlap })) chunks.push({ index: chunks.length, document: id, start, end })
  }
  const words = options.retriever === 'embedding' ? null : new Bm25Index(chunks.map(textOf), { k1: options.bm25K1, b: options.bm25B })
  const dense = options.retriever === 'bm25' ? null : await indexed(await options.openDense(), documents, { chunks, textOf })
  return { chunks, took: dense?.took ?? null, textOf, search: (question, k) => search(question, { k, words, dense, chunks }) }
}

async function indexed(vectors: DenseVectors, documents: readonly RetrievalDocument[], { chunks, textOf }: Pick<Retriever, 'chunks' | 'textOf'>): Promise<Dense> {
  const { vectors: rows, dimensions, took } = await vectors.ofChunks(documents, chunks, textOf)
  return { index: new VectorIndex(rows, dimensions), took, ofQuestion: (question) => vectors.ofQuestion(question) }
}

async function search(question: string, { k, words, dense, chunks }: { k: number; words: Bm25Index | null; dense: Dense | null; chunks: readonly Chunk[] }): Promise<Found> {
  const startedAtMs = performance.now()
  const embedded = (await dense?.ofQuestion(question)) ?? null
  const embeddedAtMs = performance.now()
  const depth = words !== null && dense !== null ? Math.max(k, FUSION_DEPTH) : k
  const rankings: Ranked[][] = []
  if (words !== null) rankings.push(words.search(question, depth))
  if (dense !== null && embedded !== null) rankings.push(dense.index.search(embedded.vector, depth))
  const [only] = rankings
  const ranked = rankings.length === 1 && only ? only : fuseRankings(rankings, k)
  const took = embedded?.took ?? null
  return {
    chunks: ranked.flatMap(({ index, score }) => {
      const chunk = chunks[index]
      return chunk ? [{ ...chunk, score }] : []
    }),
    latencyMs: performance.now() - embeddedAtMs + (took?.latencyMs ?? embeddedAtMs - startedAtMs),
    took,
  }
}
