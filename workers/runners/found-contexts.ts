/* What a prompt reads of a retrieval dataset's documents: the chunks that are found for its question. */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { PromptParameters } from '../../server/contracts/index.js'
import type { PromptItem } from '../prompt-builder.js'
import { sentenceVectors } from '../retrieval/dense.js'
import { coverage, type Passage } from '../retrieval/metrics.js'
import { buildRetriever, type Retriever } from '../retrieval/retriever.js'
import { VectorCache } from '../retrieval/vector-cache.js'
import { RunFailure, type RunContext } from '../run-context.js'

type Context = RunContext<PromptParameters>

/** What an item's prompt reads besides its own fields, and what its example tells of it. */
export interface FoundContext {
  fields: { context: string; chunks: { document: string; text: string }[] }
  details: { retrieved: (Passage & { score: number; relevance: number })[]; retrievalMs: number }
}

export type FindContext = (item: PromptItem) => Promise<FoundContext>

/**
 * Null where the run asks for none, or would not show it.
 * @param isShown whether a template of the run reads what is found
 */
export async function openContexts({ params, dataset, folders, threads, report, signal }: Context, isShown: boolean): Promise<FindContext | null> {
  const { retrieve } = params
  if (retrieve === undefined) return null
  if (!isShown) {
    report.log('warn', 'retrieve is given, and no template of this run reads context or chunks: nothing is looked for, and the questions are asked without')
    return null
  }
  const { name, task } = dataset.manifest
  if (task !== 'retrieval') throw new RunFailure('dataset_unfit', `retrieve is for a retrieval dataset, and "${name}" is for ${task}`)
  const onProgress = ({ done, total }: { done: number; total: number }): void => report.progress({ done: 0, total: 1, unit: 'items', message: `embedding the documents: ${done} of ${total} sentences` })
  const documents = await dataset.documents()
  const retriever = await buildRetriever(documents, { ...retrieve, openDense: () => sentenceVectors({ cache: new VectorCache(join(folders.cache, 'sentence-vectors'), 'use-lite-en'), threads, onProgress }) })
  report.log('info', `${documents.length} documents in ${retriever.chunks.length} chunks; each prompt reads the ${retrieve.k} that are found for its question`)
  return async (item) => {
    signal.throwIfAborted()
    // Searches are synchronous: let the signal be heard.
    await setImmediate()
    return find(item, retriever, retrieve.k)
  }
}

async function find(item: PromptItem, retriever: Retriever, k: number): Promise<FoundContext> {
  const { chunks, latencyMs } = await retriever.search(item.input, k)
  const texts = chunks.map((chunk) => ({ document: chunk.document, text: retriever.textOf(chunk) }))
  const gold = goldOf(item)
  return {
    fields: { context: texts.map(({ text }) => text).join('\n\n'), chunks: texts },
    details: { retrieved: chunks.map((chunk) => ({ document: chunk.document, start: chunk.start, end: chunk.end, score: chunk.score, relevance: coverage(chunk, gold) })), retrievalMs: latencyMs },
  }
}

function goldOf({ document, start, end }: PromptItem): Passage {
  return { document: String(document), start: Number(start), end: Number(end) }
}
