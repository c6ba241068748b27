/* What a prompt reads of a retrieval dataset's documents: the chunks that are found for its question. */
import { setImmediate } from 'node:timers/promises'
import type { PromptParameters } from '../../server/contracts/index.js'
import type { PromptItem } from '../prompt-builder.js'
import { buildRetriever, type Retriever } from '../retrieval/retriever.js'
import { RunFailure, type RunContext } from '../run-context.js'
import { embeddingProgress, localVectors, placesOf } from './documents.js'

type Context = RunContext<PromptParameters>

/** What an item's prompt reads besides its own fields, and what its example tells of it. */
export interface FoundContext {
  fields: { context: string; chunks: { document: string; text: string }[] }
  details: { retrieved: ReturnType<typeof placesOf>; retrievalMs: number }
}

/** The documents of a dataset, searched for each item once. */
export class FoundContexts {
  private readonly found = new Map<string, Promise<FoundContext>>()

  private constructor(
    private readonly retriever: Retriever,
    private readonly k: number,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Null where the run asks for none, or would not show it.
   * @param isShown whether a template of the run reads what is found
   */
  static async open(context: Context, { items, isShown }: { items: number; isShown: boolean }): Promise<FoundContexts | null> {
    const { params: { retrieve }, dataset, report, signal } = context
    if (retrieve === undefined) return null
    if (!isShown) {
      report.log('warn', 'retrieve is given, and no template of this run reads context or chunks: nothing is looked for, and the questions are asked without')
      return null
    }
    const { name, task } = dataset.manifest
    if (task !== 'retrieval') throw new RunFailure('dataset_unfit', `retrieve is for a retrieval dataset, and "${name}" is for ${task}`)
    const documents = await dataset.documents()
    const retriever = await buildRetriever(documents, { ...retrieve, openDense: () => localVectors(context, { model: 'use-lite-en', onProgress: embeddingProgress(context, items) }) })
    report.log('info', `${documents.length} documents in ${retriever.chunks.length} chunks; each prompt reads the ${retrieve.k} that are found for its question`)
    return new FoundContexts(retriever, retrieve.k, signal)
  }

  of(item: PromptItem): Promise<FoundContext> {
    const found = this.found.get(item.id) ?? this.search(item)
    this.found.set(item.id, found)
    return found
  }

  /** The item with what its prompt reads besides. */
  async with(item: PromptItem): Promise<PromptItem> {
    return { ...item, ...(await this.of(item)).fields }
  }

  private async search(item: PromptItem): Promise<FoundContext> {
    this.signal.throwIfAborted()
    // Searches are synchronous: let the signal be heard.
    await setImmediate()
    const { chunks, latencyMs } = await this.retriever.search(item.input, this.k)
    const texts = chunks.map((chunk) => ({ document: chunk.document, text: this.retriever.textOf(chunk) }))
    const { document, start, end } = item
    const gold = { document: String(document), start: Number(start), end: Number(end) }
    return { fields: { context: texts.map(({ text }) => text).join('\n\n'), chunks: texts }, details: { retrieved: placesOf(chunks, gold), retrievalMs: latencyMs } }
  }
}
