/* Documents in, ranked chunks out: chunking, the index of the chosen kind, and search. */
import type { RagParameters } from '../../server/contracts/index.js'
import { Bm25Index } from './bm25.js'
import { chunkText } from './chunker.js'
import { chunkVectors, embedDocuments, type EmbedProgress, VectorIndex } from './embedding.js'
import type { Passage } from './metrics.js'
import { fuseRankings, type Ranked } from './ranking.js'
import { DIMENSIONS, SentenceEncoder } from './sentence-encoder.js'
import type { VectorCache } from './vector-cache.js'

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

export interface Retriever {
  chunks: readonly Chunk[]
  textOf(chunk: Passage): string
  /** The k best chunks for a question, best first; BM25 gives fewer where fewer share a term with it. */
  search(question: string, k: number): Promise<RetrievedChunk[]>
}

export type RetrieverOptions = Pick<RagParameters, 'chunkSize' | 'chunkOverlap' | 'retriever' | 'bm25K1' | 'bm25B'> & {
  cache: VectorCache
  /** CPU threads of the encoder. */
  threads: number
  onProgress?: (progress: EmbedProgress) => void
}

/** How deep each ranking is read before fusion: far enough that the k best of the sum are among them. */
const FUSION_DEPTH = 100

type Search = (question: string, k: number) => Promise<Ranked[]> | Ranked[]

async function denseSearch(documents: readonly RetrievalDocument[], chunks: readonly Chunk[], options: RetrieverOptions): Promise<Search> {
  const encoder = await SentenceEncoder.load(options.threads)
  const embedded = await embedDocuments(
    documents.map(({ text }) => text),
    { encoder, cache: options.cache, onProgress: options.onProgress ?? (() => undefined) },
  )
  const byDocument = Map.groupBy(chunks, ({ document }) => document)
  const vectors = new Float32Array(chunks.length * DIMENSIONS)
  documents.forEach(({ id }, position) => {
    const own = byDocument.get(id) ?? []
    const source = embedded[position]
    if (source && own[0]) vectors.set(chunkVectors(source, own), own[0].index * DIMENSIONS)
  })
  const index = new VectorIndex(vectors)
  // The first run allocates; the first question's latency should be like the others'.
  await encoder.encode(['warm up'])
  return async (question, k) => index.search(await encoder.encode([question]), k)
}

/** Builds the index over all documents. */
export async function buildRetriever(documents: readonly RetrievalDocument[], options: RetrieverOptions): Promise<Retriever> {
  const texts = new Map(documents.map(({ id, text }) => [id, text]))
  const textOf = ({ document, start, end }: Passage): string => texts.get(document)?.slice(start, end) ?? ''
  const chunks: Chunk[] = []
  for (const { id, text } of documents) {
    for (const { start, end } of chunkText(text, { size: options.chunkSize, overlap: options.chunkOverlap })) chunks.push({ index: chunks.length, document: id, start, end })
  }
  const searches: Search[] = []
  if (options.retriever !== 'embedding') {
    const index = new Bm25Index(chunks.map(textOf), { k1: options.bm25K1, b: options.bm25B })
    searches.push((question, k) => index.search(question, k))
  }
  if (options.retriever !== 'bm25') searches.push(await denseSearch(documents, chunks, options))
  return {
    chunks,
    textOf,
    async search(question, k) {
      const depth = searches.length > 1 ? Math.max(k, FUSION_DEPTH) : k
      const rankings: Ranked[][] = []
      for (const search of searches) rankings.push(await search(question, depth))
      const [only] = rankings
      const ranked = rankings.length === 1 && only ? only : fuseRankings(rankings, k)
      return ranked.flatMap(({ index, score }) => {
        const chunk = chunks[index]
        return chunk ? [{ ...chunk, score }] : []
      })
    },
  }
}
