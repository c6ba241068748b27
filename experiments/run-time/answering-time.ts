/* How long runs that only answer will take: prompts by the pace of earlier calls of the model, retrieval by earlier runs. */
import { EndpointSchema, type ParameterValue, type RunTime, type PastRun } from '../../server/contracts/index.js'
import { agree, combined, isHere, nearest, threadsOf, type Machine, type Nearness, type Params, type Sample } from './past-run.js'

export interface AnsweringWork {
  params: Params
  dataset: string
  items: number
}

export interface AnsweringEvidence {
  machine: Machine
  pastRuns: readonly PastRun[]
}

const ASKED_ALIKE = ['template', 'messages', 'prompt', 'system', 'shots', 'chain', 'maxTokens', 'scoring', 'scorers']
const SEARCHED_ALIKE = ['retriever', 'embeddingModel', 'chunkSize']

/** What makes calls go to the same place: a local model by its name, an endpoint by its address and the name there. */
function modelIdentity(model: ParameterValue | undefined): string {
  const endpoint = EndpointSchema.safeParse(model)
  if (!endpoint.success) return String(model)
  const { provider, model: name } = endpoint.data
  const place = 'baseUrl' in endpoint.data ? endpoint.data.baseUrl : 'file' in endpoint.data ? endpoint.data.file : null
  return JSON.stringify([provider, place, name])
}

export function isEndpoint(params: Params): boolean {
  return EndpointSchema.safeParse(params['model']).success
}

/** Null where this model has answered nothing here before. */
export function promptTime(work: AnsweringWork, { machine, pastRuns }: AnsweringEvidence): RunTime | null {
  const isRemote = isEndpoint(work.params)
  const alike = pastRuns.filter(({ params, answered }) => answered > 0 && modelIdentity(params['model']) === modelIdentity(work.params['model']))
  return answeringTime(alike.map((run): Sample => {
    const isSame = run.dataset === work.dataset && agree(run.params, work.params, ASKED_ALIKE)
    const nearness = isRemote || isHere(machine, run) ? (isSame ? 'same' : 'model') : 'elsewhere'
    return { nearness, range: isRemote ? byCalls(run, work) : byWork(run, work, machine) }
  }))
}

/** Null where nothing was retrieved this way before. */
export function retrievalTime(work: AnsweringWork, { machine, pastRuns }: AnsweringEvidence): RunTime | null {
  const alike = pastRuns.filter(({ params, answered }) => answered > 0 && params['retriever'] === work.params['retriever'])
  return answeringTime(alike.map((run): Sample => {
    const nearness: Nearness = !isHere(machine, run) ? 'elsewhere' : run.dataset !== work.dataset ? 'device' : agree(run.params, work.params, SEARCHED_ALIKE) ? 'same' : 'model'
    return { nearness, range: byWork(run, work, machine) }
  }))
}

function answeringTime(samples: readonly Sample[]): RunTime | null {
  const found = nearest(samples)
  if (found === null) return null
  const { nearness, samples: near } = found
  return { ...combined(near.map(({ range }) => range), nearness), step: null, basis: nearness, pastRuns: near.length }
}

/** From calls alone, so many in flight as are asked for, to the pace of the whole run. */
function byCalls(run: PastRun, { params, items }: AnsweringWork): Sample['range'] {
  const rounds = (count: number, of: Params): number => Math.ceil(count / Number(of['concurrency'] ?? 1)) * (1 + (Array.isArray(of['chain']) ? of['chain'].length : 0))
  const whole = (run.seconds * rounds(items, params)) / rounds(run.answered, run.params)
  const calls = run.latencySeconds === null ? whole : run.latencySeconds * Math.ceil(items / Number(params['concurrency'] ?? 1))
  return { seconds: (calls + whole) / 2, low: Math.min(calls, whole), high: Math.max(calls, whole) }
}

/** From as long as the run was, which opening and indexing may have been all of, to in proportion to the items. */
function byWork(run: PastRun, { params, items }: AnsweringWork, machine: Machine): Sample['range'] {
  const pace = threadsOf(run.params, run.threads) / threadsOf(params, machine.threads ?? run.threads)
  const ratio = items / run.answered
  const [low, high] = [run.seconds * pace * Math.min(1, ratio), run.seconds * pace * Math.max(1, ratio)]
  return { seconds: (low + high) / 2, low, high }
}
