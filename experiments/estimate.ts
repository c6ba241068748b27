import { EndpointSchema, type Estimate, type ExperimentSpec, type ParameterValue, PriceSchema, type RunTime } from '../server/contracts/index.js'
import { expandRuns } from './expand.js'
import type { ModelFacts } from './model-facts.js'
import { CHARACTERS_PER_TOKEN, promptCharacters } from './prompt-length.js'
import { experimentTime, withinBudget } from './run-time/experiment-time.js'
import { lanesOf, runTime, timeUnknown, workersOf, type TimeEvidence } from './run-time/run-time.js'
import { timeNote } from './run-time/time-note.js'
import { judgeFigures, sumOf, total, vectorFigures, type Besides, type ScoringInput } from './scoring-calls.js'
import { rowsPerStep, trainingNeedOf } from './training-need.js'

export interface EstimateInput {
  /** Items of each split of the dataset. */
  datasetSizes: Readonly<Record<string, number>>
  /** Mean characters of an item, question or text; without it tokens of calls stay unknown. */
  itemCharacters?: number
  /** Of a retrieval dataset; without them what its vectors take stays unknown. */
  documents?: { count: number; characters: number }
  /** Sizes of the local models that are known here, by name; without them memory and work of fine-tuning stay unknown. */
  models?: ReadonlyMap<string, ModelFacts>
  /** What was measured before; without it time stays unknown. */
  evidence?: TimeEvidence
}

interface RunFigures {
  calls: number | null
  tokensIn: number | null
  tokensOut: number | null
  costUsd: number | null
}

type Params = Record<string, ParameterValue>

function splitSize(params: Params, { split, limit }: { split: string; limit: string }, sizes: EstimateInput['datasetSizes']): number | null {
  const size = sizes[String(params[split])]
  if (size === undefined) return null
  const cap = params[limit]
  return typeof cap === 'number' ? Math.min(cap, size) : size
}

function priceOf(params: Params) {
  const endpoint = EndpointSchema.safeParse(params['model'])
  return endpoint.success ? endpoint.data.price : undefined
}

function promptFigures(params: Params, input: EstimateInput): RunFigures {
  const items = splitSize(params, { split: 'split', limit: 'limit' }, input.datasetSizes)
  const chained = Array.isArray(params['chain']) ? params['chain'].length : 0
  const calls = items === null ? null : items * (Number(params['samples'] ?? 1) + chained)
  const characters = promptCharacters(params, input.itemCharacters)
  if (calls === null || characters === null) return { calls, tokensIn: null, tokensOut: null, costUsd: null }
  const tokensIn = Math.ceil((calls * characters) / CHARACTERS_PER_TOKEN)
  const tokensOut = calls * Number(params['maxTokens'])
  const price = priceOf(params)
  const isPriced = price?.inputPerMillion !== undefined && price.outputPerMillion !== undefined
  const costUsd = isPriced ? (tokensIn * (price.inputPerMillion ?? 0) + tokensOut * (price.outputPerMillion ?? 0)) / 1e6 : null
  return { calls, tokensIn, tokensOut, costUsd }
}

function loraFigures(params: Params, input: EstimateInput): RunFigures {
  const train = input.datasetSizes['train']
  const calls = params['testSplit'] === null ? 0 : splitSize(params, { split: 'testSplit', limit: 'testLimit' }, input.datasetSizes)
  const items = train === undefined ? null : Math.min(train, Number(params['trainLimit'] ?? train))
  const characters = input.itemCharacters
  if (items === null || characters === undefined) return { calls, tokensIn: null, tokensOut: null, costUsd: null }
  const perItem = Math.min(Number(params['maxLength']), Math.ceil(characters / CHARACTERS_PER_TOKEN))
  const rows = params['steps'] === undefined ? Number(params['epochs']) * items : Number(params['steps']) * rowsPerStep(params)
  return { calls, tokensIn: Math.ceil(rows * perItem), tokensOut: 0, costUsd: null }
}

function figuresOf(spec: ExperimentSpec, params: Params, input: EstimateInput): RunFigures {
  if (spec.kind === 'prompt') return promptFigures(params, input)
  if (spec.kind === 'lora') return loraFigures(params, input)
  if (spec.kind === 'rag') return { calls: splitSize(params, { split: 'split', limit: 'limit' }, input.datasetSizes), tokensIn: 0, tokensOut: 0, costUsd: null }
  const tokens = Number(params['steps']) * rowsPerStep(params) * Number(params['maxLength'])
  return { calls: 0, tokensIn: tokens, tokensOut: 0, costUsd: null }
}

/** Optimizer steps of a training run, each example taken as a row of its own: packing makes them fewer. */
function stepsOf(params: Params, { datasetSizes }: EstimateInput): number | null {
  if (params['steps'] !== undefined) return Number(params['steps'])
  const train = datasetSizes['train']
  if (train === undefined) return null
  return Math.ceil(Number(params['epochs']) * Math.ceil(Math.min(train, Number(params['trainLimit'] ?? train)) / rowsPerStep(params)))
}

function timeOf(spec: ExperimentSpec, params: Params, input: EstimateInput): RunTime | null {
  const items = splitSize(params, { split: 'split', limit: 'limit' }, input.datasetSizes)
  const time = runTime({ kind: spec.kind, dataset: spec.dataset, params, items, steps: stepsOf(params, input) }, input)
  return withinBudget(time, spec.budget?.minutes === undefined ? null : spec.budget.minutes * 60)
}

function cellOf(spec: ExperimentSpec, params: Params, input: EstimateInput): Estimate['cells'][number] {
  const { calls, tokensIn, tokensOut, costUsd } = figuresOf(spec, params, input)
  const need = trainingNeedOf(spec, params, input.models)
  const steps = need === null ? null : stepsOf(params, input)
  const time = timeOf(spec, params, input)
  const perHour = PriceSchema.safeParse(params['price']).data?.perHour
  return {
    params: Object.fromEntries(Object.keys(spec.axes).map((name) => [name, params[name] ?? null])),
    calls,
    costUsd: costUsd ?? (perHour === undefined || time === null ? null : (perHour * time.seconds) / 3600),
    tokens: tokensIn === null || tokensOut === null ? null : tokensIn + tokensOut,
    memoryBytes: need?.memoryBytes ?? null,
    memory: need === null ? null : { ...need.memory },
    flops: need === null || steps === null ? null : need.flopsPerStep * steps,
    time,
  }
}

/** Of all runs together; null where no run asks. */
function besides(runs: readonly { params: Params }[], { datasetSizes, itemCharacters, documents }: EstimateInput, figures: (params: Params, input: ScoringInput) => Besides | null): Besides | null {
  const all = runs.flatMap(({ params }) => figures(params, { items: splitSize(params, { split: 'split', limit: 'limit' }, datasetSizes), datasetSizes, itemCharacters, documents }) ?? [])
  return all.length === 0 ? null : sumOf(all)
}

function besidesNotes({ judges, embeddings }: Pick<Estimate, 'judges' | 'embeddings'>): string[] {
  const notes: string[] = []
  if (judges !== null) notes.push('judges: the most they take, with 4 characters per token, every answer as long as maxTokens and every verdict as long as the judge may write; stored replies are not asked again. In none of the other figures, and counted against the budget')
  if (judges !== null && judges.calls === null) notes.push('judges: assertions of the items ask graders, and which ones stands in the items')
  if (embeddings !== null) notes.push('embeddings: a call for each text, fewer where texts go together, with 4 characters per token and chunks as long as chunkSize; stored vectors are not asked again. In none of the other figures, and counted against the budget')
  if ([judges, embeddings].some((one) => one !== null && one.costUsd === null)) notes.push('cost of judges and vectors: not known where the file gives no price per token for them, or their tokens are not known')
  return notes
}

function notesOf(spec: ExperimentSpec, figures: Pick<Estimate, 'calls' | 'tokens' | 'costUsd' | 'memoryBytes' | 'judges' | 'embeddings'>, runs: readonly { params: Params }[]): string[] {
  const notes: string[] = []
  const isEndpoint = runs.some(({ params }) => EndpointSchema.safeParse(params['model']).success)
  const isHourly = runs.some(({ params }) => PriceSchema.safeParse(params['price']).data?.perHour !== undefined)
  if (figures.calls === null) notes.push('calls: the dataset has no such split')
  if (figures.tokens === null) notes.push('tokens: the length of the dataset’s items is not known, or prompts have several steps or turns')
  else if (spec.kind === 'prompt') notes.push('tokens: rough, with 4 characters per token, items whole and every answer as long as maxTokens')
  else if (spec.kind === 'lora') notes.push('tokens: of training, with 4 characters per token')
  else if (spec.kind === 'pretrain') notes.push('tokens: of training, steps × batchSize × accumulationSteps × maxLength')
  if (figures.costUsd === null && isEndpoint) notes.push('cost: an endpoint has no inputPerMillion and outputPerMillion in its price, or tokens are not known')
  else if (isHourly) notes.push(figures.costUsd === null ? 'cost: the price is per hour, and the time is not known' : 'cost: the price per hour, for the time as estimated')
  else if (figures.costUsd === null && figures.embeddings === null) notes.push('cost: local runs have no price; set price.perHour to count the machine')
  notes.push(...besidesNotes(figures))
  if (spec.budget?.usd !== undefined) notes.push(`budget: each run stops at ${spec.budget.usd} US dollars`)
  if (spec.kind === 'lora' || spec.kind === 'pretrain') notes.push(figures.memoryBytes === null ? 'memory: a model is not in models/ of this server, or not of a family that can be estimated' : 'memory: of one run, with every row as long as maxLength')
  else notes.push('memory: not estimated for runs that do not train')
  return notes
}

/**
 * What an experiment would take, from the file and the size of its dataset alone. Tokens are
 * rough and said to be so; whatever cannot be known is null and a note says why.
 */
export function estimate(spec: ExperimentSpec, input: EstimateInput): Estimate {
  const runs = expandRuns(spec)
  const each = runs.map(({ params }) => cellOf(spec, params, input))
  const figures = {
    calls: total(each.map(({ calls }) => calls)),
    tokens: total(each.map(({ tokens }) => tokens)),
    costUsd: total(each.map(({ costUsd }) => costUsd)),
    flops: total(each.map(({ flops }) => flops)),
    memoryBytes: each.reduce<number | null>((most, { memoryBytes }) => (most === null || memoryBytes === null ? null : Math.max(most, memoryBytes)), 0),
    judges: besides(runs, input, judgeFigures),
    embeddings: besides(runs, input, vectorFigures),
  }
  const time = experimentTime(each.map((cell) => cell.time), { workers: workersOf(runs.map(({ params }) => params), input.evidence), lanes: lanesOf(runs.map(({ params }) => params), input.evidence) })
  const cells = each.filter((_, index) => runs[index]?.repeat === 0)
  const unknown = timeUnknown(spec.kind, each)
  const notes = [timeNote(time, unknown), ...notesOf(spec, figures, runs)]
  return { runs: runs.length, ...figures, seconds: time?.seconds ?? null, time, timeUnknown: time === null ? unknown : null, cells, notes }
}
