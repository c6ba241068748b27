/* What runs that search the documents of a dataset share, whether they score what is found or let a prompt read it. */
import { join } from 'node:path'
import { type DenseVectors, type EmbedProgress, sentenceVectors } from '../retrieval/dense.js'
import { coverage, type Passage } from '../retrieval/metrics.js'
import type { RetrievedChunk } from '../retrieval/retriever.js'
import { VectorCache } from '../retrieval/vector-cache.js'
import type { RunContext } from '../run-context.js'

/** Places of more chunks would fill an example's details. */
const KEPT_PLACES = 50
const PROGRESS_EVERY_MS = 200

/** Tells how far the documents are embedded, a few times a second, while no item is answered. */
export function embeddingProgress({ report }: Pick<RunContext<unknown>, 'report'>, items: number): (progress: EmbedProgress) => void {
  let toldMs = 0
  return ({ done, total, unit }) => {
    if (performance.now() - toldMs < PROGRESS_EVERY_MS && done < total) return
    toldMs = performance.now()
    report.progress({ done: 0, total: items, unit: 'items', message: `embedding the documents: ${done} of ${total} ${unit}` })
  }
}

/** Vectors of a sentence model on this machine. */
export function localVectors({ folders, threads }: Pick<RunContext<unknown>, 'folders' | 'threads'>, { model, onProgress }: { model: string; onProgress: (progress: EmbedProgress) => void }): Promise<DenseVectors> {
  return sentenceVectors({ cache: new VectorCache(join(folders.cache, 'sentence-vectors'), model), threads, onProgress })
}

/** Where the best chunks lie, and the share of the gold passage that each holds. */
export function placesOf(chunks: readonly RetrievedChunk[], gold: Passage): (Passage & { score: number; relevance: number })[] {
  return chunks.slice(0, KEPT_PLACES).map((chunk) => ({ document: chunk.document, start: chunk.start, end: chunk.end, score: chunk.score, relevance: coverage(chunk, gold) }))
}
