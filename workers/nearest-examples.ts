/* The examples most like the item that is asked, by shared words (BM25) or by meaning (sentence vectors). */
import type { PromptItem } from './prompt-builder.js'
import { Bm25Index } from './retrieval/bm25.js'
import { chunkVectors, embedDocuments, VectorIndex } from './retrieval/embedding.js'
import type { Ranked } from './retrieval/ranking.js'
import { DIMENSIONS, SentenceEncoder } from './retrieval/sentence-encoder.js'
import { VectorCache } from './retrieval/vector-cache.js'

export interface Nearest {
  /** All of `pool`, most similar first; those that cannot be told apart follow in its order. */
  order(item: PromptItem, pool: readonly PromptItem[]): Promise<PromptItem[]>
}

/** Far more than the twins of an item that are passed over. */
const DEPTH = 512

export function nearestByWords(pool: readonly PromptItem[]): Nearest {
  const index = new Bm25Index(pool.map(({ input }) => input), { k1: 1.2, b: 0.75 })
  return { order: async (item, rest) => ranked(pool, index.search(item.input, DEPTH), rest) }
}

/** Vectors of whole inputs: the mean of their sentences' (see retrieval/embedding.ts). */
export async function nearestByMeaning(pool: readonly PromptItem[], options: { cacheFolder: string; threads: number }): Promise<Nearest> {
  const encoder = await SentenceEncoder.load(options.threads)
  const cache = new VectorCache(options.cacheFolder, 'use-lite-en')
  const vectorsOf = async (texts: readonly string[]): Promise<Float32Array> => {
    const documents = await embedDocuments(texts, { encoder, cache, onProgress: () => undefined })
    const vectors = new Float32Array(texts.length * DIMENSIONS)
    documents.forEach((document, row) => vectors.set(chunkVectors(document, [{ start: 0, end: texts[row]?.length ?? 0 }]), row * DIMENSIONS))
    return vectors
  }
  const index = new VectorIndex(await vectorsOf(pool.map(({ input }) => input)))
  return { order: async (item, rest) => ranked(pool, index.search(await vectorsOf([item.input]), DEPTH), rest) }
}

function ranked(pool: readonly PromptItem[], hits: readonly Ranked[], rest: readonly PromptItem[]): PromptItem[] {
  const found = hits.flatMap(({ index }) => pool[index] ?? [])
  const seen = new Set(found)
  return [...found, ...rest.filter((item) => !seen.has(item))]
}
