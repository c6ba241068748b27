/**
 * The only door to the server: every fetch and the one EventSource. Answers are typed by the
 * contracts the server validates them against, so they are not parsed a second time here.
 */
import type { Analysis } from '../../server/contracts/analysis.js'
import type { Comparison } from '../../server/contracts/compare.js'
import type { ErrorBody, ErrorCode, Problem } from '../../server/contracts/errors.js'
import type { ServerEvent } from '../../server/contracts/events.js'
import type { NextToken, NextTokenRequest } from '../../server/contracts/next-token.js'
import type { ExperimentForm, ModelList } from '../../server/contracts/form.js'
import type { RunSeries } from '../../server/contracts/metric.js'
import { readSeries, SERIES_BYTES } from '../../server/contracts/series-bytes.js'
import type { DatasetList, DatasetPage, ExamplePage, ExperimentChange, ExperimentPage, Health, LossTable, TokenLossTable, RescoreAnswer, StoredLogLine, SystemInfo } from '../../server/contracts/http.js'
import type { AnnotationRequest, AnswerQueue, ComparedItem, CreatedDataset, ItemFacets, PairChoice, PairQueue, PreferenceResult, RevealedPair, VerdictResult } from '../../server/contracts/people.js'
import type { DatasetProfile } from '../../server/contracts/profile.js'
import type { Found, MoveRequest, Queue } from '../../server/contracts/queue.js'
import type { Checkpoint, CreatedExperiment, Estimate, Example, Experiment, ExperimentSummary, Run, Sample } from '../../server/contracts/run.js'
import type { Share, SharedView, ShareList, ShareRequest } from '../../server/contracts/share.js'
import type { Spend } from '../../server/contracts/spend.js'
import type { Tradeoff } from '../../server/contracts/tradeoff.js'
import { say } from './i18n.js'

/** What went wrong, in the server's own words, with the id under which its log tells more. */
export class ApiError extends Error {
  readonly code: ErrorCode | 'unreachable'
  readonly problems: Problem[]
  readonly requestId: string | null

  constructor(code: ErrorCode | 'unreachable', message: string, details: { problems?: Problem[]; requestId?: string | null; cause?: unknown } = {}) {
    super(message, { cause: details.cause })
    this.name = 'ApiError'
    this.code = code
    this.problems = details.problems ?? []
    this.requestId = details.requestId ?? null
  }
}

async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await answer(path, init)
  return response.status === 204 ? (undefined as T) : ((await response.json()) as T)
}

async function answer(path: string, init: RequestInit): Promise<Response> {
  let response: Response
  try {
    response = await fetch(`/api${path}`, init)
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new ApiError('unreachable', say('The server does not answer. Is it still running? Start it with npm start.', 'O servidor não responde. Ele ainda está rodando? Inicie-o com npm start.'), { cause })
  }
  if (!response.ok) throw await errorOf(response)
  return response
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text()
  try {
    const { error } = JSON.parse(text) as ErrorBody
    return new ApiError(error.code, error.message, { problems: error.problems, requestId: error.requestId })
  } catch {
    // Not our server's voice (a proxy, a crash): its own words are all there is to show.
    return new ApiError('internal', `HTTP ${response.status}: ${text.slice(0, 300) || response.statusText}`)
  }
}

const send = (method: string, body?: unknown): RequestInit =>
  body === undefined ? { method } : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }

function query(values: Record<string, string | number | undefined | null>): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(values)) if (value !== undefined && value !== null && value !== '') search.set(key, String(value))
  return search.size === 0 ? '' : `?${search.toString()}`
}

const segment = encodeURIComponent

export interface SeriesQuery {
  runs: readonly string[]
  /** Empty: all. */
  keys: readonly string[]
  maxPoints: number
  from: number | null
  to: number | null
  /** Significant digits; null for all. */
  digits: number | null
}

export interface ExperimentsQuery {
  q: string
  kind: string
  status: string
  sort: string
  offset: number
  limit: number
}
export const findExperiments = (asked: ExperimentsQuery, signal: AbortSignal): Promise<ExperimentPage> => request(`/experiments${query({ ...asked })}`, { signal })
export const listExperiments = async (signal: AbortSignal): Promise<ExperimentSummary[]> =>
  (await request<ExperimentPage>('/experiments?limit=500', { signal })).experiments
export const getExperiment = (id: string, signal: AbortSignal): Promise<Experiment> => request(`/experiments/${segment(id)}`, { signal })
/** The experiment as it is now, with these of its runs alone. */
export const getRunsOfExperiment = ({ id, runs }: { id: string; runs: readonly string[] }, signal: AbortSignal): Promise<Experiment> => request(`/experiments/${segment(id)}?runs=${runs.map(segment).join(',') || 'none'}`, { signal })
export const cancelExperiment = (id: string): Promise<void> => request(`/experiments/${segment(id)}/cancel`, send('POST'))
export const changeExperiment = (id: string, change: ExperimentChange): Promise<void> => request(`/experiments/${segment(id)}`, send('PATCH', change))
export const deleteExperiment = (id: string): Promise<void> => request(`/experiments/${segment(id)}`, send('DELETE'))
export const restoreExperiment = (id: string): Promise<void> => request(`/experiments/${segment(id)}/restore`, send('POST'))

const experimentFile = (text: string): RequestInit => ({ method: 'POST', headers: { 'content-type': 'application/yaml' }, body: text })

export const getForm = (signal: AbortSignal): Promise<ExperimentForm> => request('/experiments/form', { signal })
export const listModels = (signal: AbortSignal): Promise<ModelList> => request('/models', { signal })
/** Experiments and runs whose names or ids hold all words. */
export const findNames = (q: string, signal: AbortSignal): Promise<Found> => request(`/search${query({ q })}`, { signal })
export const getDatasetProfile = (name: string, signal: AbortSignal): Promise<DatasetProfile> => request(`/datasets/${segment(name)}/profile`, { signal })
export const getDatasetPage = ({ name, ...asked }: { name: string; split: string | null; offset: number; limit: number }, signal: AbortSignal): Promise<DatasetPage> => request(`/datasets/${segment(name)}${query({ ...asked })}`, { signal })
export const listDatasets = (signal: AbortSignal): Promise<DatasetList> => request('/datasets', { signal })
/** What the file would take; a file that is refused throws its problems. */
export const estimateExperiment = (text: string, signal: AbortSignal): Promise<Estimate> => request('/experiments/estimate', { ...experimentFile(text), signal })
/** Scores stored answers of a run or of all runs of an experiment anew. */
export const rescore = ({ room, id }: { room: 'runs' | 'experiments'; id: string }, text: string): Promise<RescoreAnswer> => request(`/${room}/${segment(id)}/rescore`, experimentFile(text))
export const createExperiment = (text: string): Promise<CreatedExperiment> => request('/experiments', experimentFile(text))

const ofRun = (id: string, path = ''): string => `/runs/${segment(id)}${path}`

export const getRun = (id: string, signal: AbortSignal): Promise<Run> => request(ofRun(id), { signal })
export const cancelRun = (id: string): Promise<void> => request(ofRun(id, '/cancel'), send('POST'))
export const retryRun = (id: string): Promise<void> => request(ofRun(id, '/retry'), send('POST'))

export async function getSeries(asked: SeriesQuery, signal: AbortSignal): Promise<RunSeries[]> {
  const path = `/metrics${query({ ...asked, runs: asked.runs.join(','), keys: asked.keys.join(',') })}`
  return readSeries(await (await answer(path, { signal, headers: { accept: SERIES_BYTES } })).arrayBuffer())
}
export interface ExamplesQuery {
  offset: number
  limit: number
  status?: Example['status']
}
export const getExamples = (id: string, asked: ExamplesQuery, signal: AbortSignal): Promise<ExamplePage> =>
  request(ofRun(id, `/examples${query({ ...asked })}`), { signal })
export const getAnalysis = (id: string, signal: AbortSignal): Promise<Analysis> => request(ofRun(id, '/analysis'), { signal })
export const getSamples = async (id: string, signal: AbortSignal): Promise<Sample[]> =>
  (await request<{ samples: Sample[] }>(ofRun(id, '/samples'), { signal })).samples
export const getTokenLosses = ({ id, item }: { id: string; item: string }, signal: AbortSignal): Promise<TokenLossTable> => request(ofRun(id, `/losses/tokens${query({ item })}`), { signal })
export const getLosses = (id: string, signal: AbortSignal): Promise<LossTable> => request(ofRun(id, '/losses'), { signal })

const [ITEMS_OF_PAGE, MOST_ITEMS] = [1000, 3000]
/** Texts of a split's items by their ids, of the first 3,000 items. */
export async function getItemTexts({ dataset, split }: { dataset: string; split: string }, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>()
  for (let offset = 0; offset < MOST_ITEMS; offset += ITEMS_OF_PAGE) {
    const { items, total } = await request<DatasetPage>(`/datasets/${segment(dataset)}${query({ split, offset, limit: ITEMS_OF_PAGE })}`, { signal })
    for (const item of items) texts.set(String(item['id']), String(item['input'] ?? item['text'] ?? item['question'] ?? JSON.stringify(item['messages'] ?? '')))
    if (offset + ITEMS_OF_PAGE >= total) break
  }
  return texts
}

/** Lines after `after`, or the newest when it is null. */
export const getLogs = async (id: string, after: number | null, signal: AbortSignal): Promise<StoredLogLine[]> =>
  (await request<{ lines: StoredLogLine[] }>(ofRun(id, `/logs${query({ after, limit: 1000 })}`), { signal })).lines

export const getCheckpoints = async (id: string, signal: AbortSignal): Promise<Checkpoint[]> =>
  (await request<{ checkpoints: Checkpoint[] }>(ofRun(id, '/checkpoints'), { signal })).checkpoints
export const pickCheckpoint = (id: string, step: number): Promise<void> => request(ofRun(id, `/checkpoints/${step}/pick`), send('POST'))
export const unpickCheckpoint = (id: string, step: number): Promise<void> => request(ofRun(id, `/checkpoints/${step}/pick`), send('DELETE'))

export interface CompareQuery {
  runs: readonly string[]
  metric: string | null
  baseline: string | null
  /** How many items to lay side by side; 0 for the tests alone. */
  limit: number
  offset?: number
  /** Which items, and A and B of that filter. */
  show?: string | null
  a?: string | null
  b?: string | null
  /** δ of the question whether a run is not worse, in the unit of the metric. */
  margin?: number | null
  repeats?: 'apart' | 'pooled'
  /** Of the sentences. */
  lang?: 'en' | 'pt'
  text?: string | null
  target?: string | null
  cluster?: string | null
  minLength?: number | null
  maxLength?: number | null
  annotated?: string | null
  tag?: string | null
}
export const compare = ({ runs, ...asked }: CompareQuery, signal: AbortSignal): Promise<Comparison> => request(`/compare${query({ runs: runs.join(','), ...asked })}`, { signal })
export const getFacets = (runs: readonly string[], signal: AbortSignal): Promise<ItemFacets> => request(`/compare/facets${query({ runs: runs.join(',') })}`, { signal })
export const getComparedItem = ({ itemId, runs }: { itemId: string; runs: readonly string[] }, signal: AbortSignal): Promise<ComparedItem> => request(`/compare/items/${segment(itemId)}${query({ runs: runs.join(',') })}`, { signal })
/** Makes a dataset of all items that the query selects. */
export const saveItems = ({ runs, ...asked }: Omit<CompareQuery, 'limit' | 'offset'> & { name: string }): Promise<CreatedDataset> => {
  const given = Object.entries(asked).filter(([, value]) => value !== null && value !== undefined)
  return request('/compare/dataset', send('POST', { ...Object.fromEntries(given), runs: runs.join(',') }))
}
/** What people prefer of two runs, blind. */
export interface PairsQuery {
  a: string
  b: string
  annotator: string
  seed: number
  limit: number
}
export const getPairs = (asked: PairsQuery, signal: AbortSignal): Promise<PairQueue> => request(`/review/pairs${query({ ...asked })}`, { signal })
export const choosePair = (choice: PairChoice): Promise<RevealedPair> => request('/review/pairs', send('POST', choice))
export const undoPair = (said: { a: string; b: string; itemId: string; annotator: string }): Promise<void> => request(`/review/pairs${query(said)}`, send('DELETE'))
export const getPreference = (asked: { a: string; b: string; lang: 'en' | 'pt' }, signal: AbortSignal): Promise<PreferenceResult> => request(`/review/pairs/result${query(asked)}`, { signal })
export const getAnswers = (asked: { run: string; annotator: string; seed: number; limit: number }, signal: AbortSignal): Promise<AnswerQueue> => request(`/review/answers${query({ ...asked })}`, { signal })
export const getVerdicts = (run: string, signal: AbortSignal): Promise<VerdictResult> => request(`/review/answers/result${query({ run })}`, { signal })
export const annotate = (annotation: AnnotationRequest): Promise<void> => request('/annotations', send('PUT', annotation))

export interface TradeoffQuery {
  dataset: string | null
  metric: string | null
  version: string | null
  /** US dollars for an hour of the machine. */
  perHour: number | null
}
export const getTradeoff = (asked: TradeoffQuery, signal: AbortSignal): Promise<Tradeoff> => request(`/tradeoff${query({ ...asked })}`, { signal })
export const getSpend = (asked: { dataset: string | null; limit: number; before?: string | null }, signal: AbortSignal): Promise<Spend> => request(`/spend${query({ ...asked })}`, { signal })

export const askNextToken = (asked: NextTokenRequest): Promise<NextToken> => request('/next-token', send('POST', asked))

export const createShare = (asked: ShareRequest): Promise<Share> => request('/shares', send('POST', asked))
export const listShares = async (signal: AbortSignal): Promise<Share[]> => (await request<ShareList>('/shares', { signal })).shares
export const readShare = (token: string, signal: AbortSignal): Promise<SharedView> => request(`/shares/${segment(token)}`, { signal })
export const revokeShare = (token: string): Promise<void> => request(`/shares/${segment(token)}`, send('DELETE'))

export const getQueue = (signal: AbortSignal): Promise<Queue> => request('/queue', { signal })
export const pauseQueue = (): Promise<Queue> => request('/queue/pause', send('POST'))
export const resumeQueue = (): Promise<Queue> => request('/queue/resume', send('POST'))
export const moveRun = (id: string, to: MoveRequest['to']): Promise<Queue> => request(`/queue/runs/${segment(id)}/move`, send('POST', { to }))

export const getSystem = (signal: AbortSignal): Promise<SystemInfo> => request('/system', { signal })
export const getHealth = (signal: AbortSignal): Promise<Health> => request('/health', { signal })

export interface EventHandlers {
  event: (event: ServerEvent) => void
  open: () => void
  down: () => void
}

/**
 * Listens to the server until the returned function is called. The browser reconnects by itself
 * and names the last event it saw; where it gives up (the answer was an error), we try again.
 */
export function openEvents(handlers: EventHandlers): () => void {
  let source: EventSource
  let retry: ReturnType<typeof setTimeout> | undefined
  const hear = (message: MessageEvent<string>): void => handlers.event(JSON.parse(message.data) as ServerEvent)
  const connect = (): void => {
    source = new EventSource('/api/events')
    source.onmessage = hear
    source.onopen = () => handlers.open()
    source.onerror = () => {
      handlers.down()
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(connect, 3000)
    }
  }
  connect()
  return () => {
    clearTimeout(retry)
    source.close()
  }
}
