/*
 * A RAG run: documents cut into chunks and indexed, then each question of a split asked, and what
 * comes back scored against its gold passage. Retrieval only: no model reads the chunks.
 */
import { setImmediate } from 'node:timers/promises'
import type { ItemOfTask } from '../../datasets/items.js'
import { metricsOfKind } from '../../experiments/metrics.js'
import { type Example, fromWire, type RagParameters, type Summary } from '../../server/contracts/index.js'
import type { RunBudget } from '../budget.js'
import { costOf } from '../cost.js'
import { drawItems } from '../few-shot.js'
import { forEachInFlight } from '../in-flight.js'
import { sumUses, usedBy } from '../providers/accounted-embeddings.js'
import { CallFailed, PromptRefused } from '../providers/chat-model.js'
import { type DenseVectors, type EmbedProgress, endpointVectors } from '../retrieval/dense.js'
import { scoreRetrieval } from '../retrieval/metrics.js'
import { buildRetriever, type Found, type RetrievalDocument, type RetrievedChunk, type Retriever } from '../retrieval/retriever.js'
import { allowedItems } from '../race-order.js'
import { RunFailure, type RunContext } from '../run-context.js'
import { assertScorable, summarizeExamples } from '../run-summary.js'
import { budgetOf, openAccountedEmbeddings } from './account.js'
import { embeddingProgress, localVectors, placesOf } from './documents.js'

type Context = RunContext<RagParameters>
type Question = ItemOfTask['retrieval']

/** Chunks shown with an example, and characters of each; places and scores of more are kept in its details. */
const SHOWN_CHUNKS = 3
const SHOWN_CHARACTERS = 400

export async function runRag(context: Context): Promise<Summary> {
  const { assignment, params, report } = context
  assertScorable(assignment.metrics, metricsOfKind('rag'), 'a rag run')
  if (params.chunkOverlap >= params.chunkSize) throw new RunFailure('invalid_params', `chunkOverlap ${params.chunkOverlap} must be less than chunkSize ${params.chunkSize}`)
  const { documents, questions } = await readData(context)
  report.progress({ done: context.doneExamples.length, total: questions.length, unit: 'items', message: 'indexing' })
  const budget = budgetOf(context)
  const retriever = await index(context, documents, { total: questions.length, budget })
  return askAll(context, questions, { retriever, budget })
}

/** Whatever ends the run early, what was found until then is summed up. */
async function askAll(context: Context, questions: readonly Question[], { retriever, budget }: { retriever: Retriever; budget: RunBudget }): Promise<Summary> {
  const { assignment, params, report } = context
  const done = new Set(context.doneExamples.map(({ itemId }) => itemId))
  const examples = [...context.doneExamples]
  const metric = assignment.metrics[0] ?? 'ndcg'
  let [sum, count] = [0, 0]
  const take = ({ scores }: Example): boolean => {
    const score = scores[metric]
    if (score === undefined) return false
    sum += fromWire(score)
    return ++count > 0
  }
  examples.forEach(take)
  try {
    // Where nobody is called one at a time, so that each search has the machine to itself.
    const concurrency = retriever.took === null ? 1 : params.concurrency
    await forEachInFlight(questions.filter(({ id }) => !done.has(id)), concurrency, async (question) => {
      context.signal.throwIfAborted()
      const example = await ask(question, retriever, params)
      examples.push(example)
      report.example(example)
      if (take(example)) report.metric(`running/${metric}`, examples.length, sum / count)
      report.progress({ done: examples.length, total: questions.length, unit: 'items' })
      // Searches are synchronous: let what was reported leave the process.
      await setImmediate()
    })
    return summarize(context, examples, { retriever, budget })
  } catch (error) {
    if (error instanceof RunFailure && examples.length > 0) error.summary = summarize(context, examples, { retriever, budget })
    throw error
  }
}

/** What vectors of chunks took is no part of what a question costs: it stands in `embeddings` and in `spentUsd`. */
function summarize(context: Context, examples: readonly Example[], { retriever, budget }: { retriever: Retriever; budget: RunBudget }): Summary {
  const summary = summarizeExamples(context, examples)
  if (retriever.took === null) return summary
  const embeddings = sumUses([retriever.took, ...(summary.embeddings === undefined ? [] : [summary.embeddings])]) ?? retriever.took
  return { ...summary, embeddings, spentUsd: budget.spentUsd }
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

async function index(context: Context, documents: readonly RetrievalDocument[], { total, budget }: { total: number; budget: RunBudget }): Promise<Retriever> {
  const { params, report } = context
  const startedAtMs = performance.now()
  const onProgress = embeddingProgress(context, total)
  const retriever = await buildRetriever(documents, { ...params, openDense: () => openDense(context, budget, onProgress) }).catch((error: unknown) => {
    if (!(error instanceof CallFailed || error instanceof PromptRefused)) throw error
    throw new RunFailure('endpoint_failed', `a chunk of the documents has no vector, so there is no index: ${error.message}`, { cause: error })
  })
  const seconds = (performance.now() - startedAtMs) / 1000
  const characters = documents.reduce((sum, { text }) => sum + text.length, 0)
  report.metric('index/seconds', 0, seconds)
  report.metric('index/chunks', 0, retriever.chunks.length)
  report.metric('index/mb_per_second', 0, characters / 1e6 / seconds)
  const { took } = retriever
  if (took?.costUsd != null) report.metric('index/usd', 0, took.costUsd)
  const paid = took === null ? '' : `; ${took.texts} vectors, ${took.cached} of them stored before, for ${took.costUsd === null ? 'an unknown cost' : `${took.costUsd.toFixed(6)} US dollars`}`
  report.log('info', `${documents.length} documents with ${characters} characters in ${retriever.chunks.length} chunks, indexed in ${seconds.toFixed(2)} s${paid}`)
  return retriever
}

function openDense(context: Context, budget: RunBudget, onProgress: (progress: EmbedProgress) => void): Promise<DenseVectors> {
  const { params: { embeddingModel: model }, report } = context
  if (typeof model === 'string') return localVectors(context, { model, onProgress })
  report.environment({ device: `endpoint ${new URL(model.baseUrl).host}` })
  return Promise.resolve(endpointVectors({ ofChunks: openAccountedEmbeddings(context, model, { budget }), ofQuestions: openAccountedEmbeddings(context, model, { budget, mostTexts: 1 }), onProgress }))
}

async function ask(question: Question, retriever: Retriever, params: RagParameters): Promise<Example> {
  const asked = { itemId: question.id, cluster: question.document, input: question.question, target: question.passage, ttftMs: null }
  const known = { answer: question.answer, gold: { document: question.document, start: question.start, end: question.end } }
  try {
    const { chunks, latencyMs, took } = await retriever.search(question.question, params.k)
    const embeddings = usedBy(took === null ? [] : [took])
    return {
      ...asked,
      output: showChunks(chunks, retriever),
      status: 'scored',
      scores: { ...scoreRetrieval(chunks, question) },
      error: null,
      ...spentOn({ latencyMs, took }, params),
      details: {
        ...known,
        retrieved: placesOf(chunks, question),
        ...(embeddings === null ? {} : { embeddings }),
      },
    }
  } catch (error) {
    if (!(error instanceof CallFailed || error instanceof PromptRefused)) throw error
    return { ...asked, output: '', status: 'error', scores: {}, error: error.message, latencyMs: null, tokensIn: null, tokensOut: null, costUsd: null, details: known }
  }
}

/** A question costs its vector, or else the time of the machine. */
function spentOn({ latencyMs, took }: Pick<Found, 'latencyMs' | 'took'>, { price }: RagParameters): Pick<Example, 'latencyMs' | 'tokensIn' | 'tokensOut' | 'costUsd' | 'cached'> {
  if (took === null) return { latencyMs, tokensIn: null, tokensOut: null, costUsd: costOf(price, { tokensIn: null, tokensOut: null, latencyMs }) }
  return { latencyMs, tokensIn: took.tokensIn, tokensOut: 0, costUsd: took.costUsd, ...(took.cached ? { cached: true } : {}) }
}

function showChunks(chunks: readonly RetrievedChunk[], retriever: Retriever): string {
  const shown = chunks.slice(0, SHOWN_CHUNKS).map((chunk, position) => {
    const text = retriever.textOf(chunk)
    return `[${position + 1}] ${chunk.document} ${chunk.start}–${chunk.end}: ${text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS - 1)}…` : text}`
  })
  const more = chunks.length - shown.length
  return [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('\n\n') || 'nothing was found'
}
