/*
 * A RAG run: documents cut into chunks and indexed, then each question of a split asked, and what
 * comes back scored against its gold passage. Retrieval only: no model reads the chunks.
 */
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { metricsOfKind } from '../../experiments/metrics.js'
import { type Example, fromWire, type Question, type RagParameters, type Summary } from '../../server/contracts/index.js'
import { costOf } from '../cost.js'
import { drawItems } from '../few-shot.js'
import { coverage, scoreRetrieval } from '../retrieval/metrics.js'
import { buildRetriever, type RetrievalDocument, type RetrievedChunk, type Retriever } from '../retrieval/retriever.js'
import { VectorCache } from '../retrieval/vector-cache.js'
import { allowedItems } from '../race-order.js'
import { RunFailure, type RunContext } from '../run-context.js'
import { assertScorable, summarizeExamples } from '../run-summary.js'

type Context = RunContext<RagParameters>

/** Chunks shown with an example, and characters of each; places and scores of more are kept in its details. */
const SHOWN_CHUNKS = 3
const SHOWN_CHARACTERS = 400
const KEPT_PLACES = 50

export async function runRag(context: Context): Promise<Summary> {
  const { assignment, params, report } = context
  assertScorable(assignment.metrics, metricsOfKind('rag'), 'a rag run')
  if (params.chunkOverlap >= params.chunkSize) throw new RunFailure('invalid_params', `chunkOverlap ${params.chunkOverlap} must be less than chunkSize ${params.chunkSize}`)
  const { documents, questions } = await readData(context)
  const total = questions.length
  report.progress({ done: context.doneExamples.length, total, unit: 'items', message: 'indexing' })
  const retriever = await index(context, documents, total)
  const done = new Map(context.doneExamples.map((example) => [example.itemId, example]))
  const examples = [...done.values()]
  const metric = assignment.metrics[0] ?? 'ndcg'
  let sum = examples.reduce((before, { scores }) => before + fromWire(scores[metric] ?? 0), 0)
  for (const question of questions) {
    if (done.has(question.id)) continue
    context.signal.throwIfAborted()
    const example = await ask(question, retriever, params)
    examples.push(example)
    report.example(example)
    sum += fromWire(example.scores[metric] ?? 0)
    report.metric(`running/${metric}`, examples.length, sum / examples.length)
    report.progress({ done: examples.length, total, unit: 'items' })
    // Searches are synchronous: let what was reported leave the process.
    await setImmediate()
  }
  return summarizeExamples(context, examples)
}

async function readData({ dataset, params, assignment }: Context): Promise<{ documents: RetrievalDocument[]; questions: Question[] }> {
  const { name, task } = dataset.manifest
  if (task !== 'retrieval') throw new RunFailure('dataset_unfit', `a rag run needs a retrieval dataset, and "${name}" is for ${task}`)
  const questions = drawItems(await dataset.readAs('retrieval', params.split), params.limit, assignment.seed)
  if (questions.length === 0) throw new RunFailure('dataset_unfit', `split "${params.split}" of "${name}" has no questions`)
  const documents = await dataset.documents()
  const lengths = new Map(documents.map(({ id, text }) => [id, text.length]))
  for (const { id, document, start, end } of questions) {
    const length = lengths.get(document)
    if (length === undefined) throw new RunFailure('dataset_unfit', `question "${id}" of "${name}" names document "${document}", which is not among its documents`)
    if (start >= end || end > length) throw new RunFailure('dataset_unfit', `question "${id}" of "${name}" has its passage at ${start}–${end}, and document "${document}" has ${length} characters`)
  }
  return { documents, questions: allowedItems(questions, assignment, ({ document }) => document) }
}

async function index({ params, folders, report, threads }: Context, documents: readonly RetrievalDocument[], total: number): Promise<Retriever> {
  const startedAtMs = performance.now()
  const cache = new VectorCache(join(folders.cache, 'sentence-vectors'), params.embeddingModel)
  const retriever = await buildRetriever(documents, {
    ...params,
    cache,
    threads,
    onProgress: ({ done, total: sentences }) => report.progress({ done: 0, total, unit: 'items', message: `embedding the documents: ${done} of ${sentences} sentences` }),
  })
  const seconds = (performance.now() - startedAtMs) / 1000
  const characters = documents.reduce((sum, { text }) => sum + text.length, 0)
  report.metric('index/seconds', 0, seconds)
  report.metric('index/chunks', 0, retriever.chunks.length)
  report.metric('index/mb_per_second', 0, characters / 1e6 / seconds)
  report.log('info', `${documents.length} documents with ${characters} characters in ${retriever.chunks.length} chunks, indexed in ${seconds.toFixed(2)} s`)
  return retriever
}

async function ask(question: Question, retriever: Retriever, params: RagParameters): Promise<Example> {
  const startedAtMs = performance.now()
  const chunks = await retriever.search(question.question, params.k)
  const latencyMs = performance.now() - startedAtMs
  return {
    itemId: question.id,
    cluster: question.document,
    input: question.question,
    output: showChunks(chunks, retriever),
    target: question.passage,
    status: 'scored',
    scores: { ...scoreRetrieval(chunks, question) },
    error: null,
    latencyMs,
    ttftMs: null,
    tokensIn: null,
    tokensOut: null,
    costUsd: costOf(params.price, { tokensIn: null, tokensOut: null, latencyMs }),
    details: {
      answer: question.answer,
      gold: { document: question.document, start: question.start, end: question.end },
      retrieved: chunks.slice(0, KEPT_PLACES).map((chunk) => ({ document: chunk.document, start: chunk.start, end: chunk.end, score: chunk.score, relevance: coverage(chunk, question) })),
    },
  }
}

function showChunks(chunks: readonly RetrievedChunk[], retriever: Retriever): string {
  const shown = chunks.slice(0, SHOWN_CHUNKS).map((chunk, position) => {
    const text = retriever.textOf(chunk)
    return `[${position + 1}] ${chunk.document} ${chunk.start}–${chunk.end}: ${text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 1)}…` : text}`
  })
  const more = chunks.length - shown.length
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n\n') || 'nothing was found'
}
