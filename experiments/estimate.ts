import { EndpointSchema, type Estimate, type ExperimentSpec, type ParameterValue, PriceSchema } from '../server/contracts/index.js'
import { expandRuns } from './expand.js'

export interface EstimateInput {
  /** Items of each split of the dataset. */
  datasetSizes: Readonly<Record<string, number>>
  /** Mean characters of an item, question or text; without it tokens of calls stay unknown. */
  itemCharacters?: number
}

interface RunFigures {
  calls: number | null
  tokensIn: number | null
  tokensOut: number | null
  costUsd: number | null
}

type Params = Record<string, ParameterValue>

/** English and Portuguese subword tokenizers take about four characters a token. */
const CHARACTERS_PER_TOKEN = 4

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
  const calls = splitSize(params, { split: 'split', limit: 'limit' }, input.datasetSizes)
  if (calls === null || input.itemCharacters === undefined) return { calls, tokensIn: null, tokensOut: null, costUsd: null }
  const frame = String(params['template'] ?? '').length
  const characters = String(params['system'] ?? '').length + (Number(params['shots']) + 1) * (frame + input.itemCharacters)
  const tokensIn = Math.ceil((calls * characters) / CHARACTERS_PER_TOKEN)
  const tokensOut = calls * Number(params['maxTokens'])
  const price = priceOf(params)
  const isPriced = price?.inputPerMillion !== undefined && price.outputPerMillion !== undefined
  const costUsd = isPriced ? (tokensIn * (price.inputPerMillion ?? 0) + tokensOut * (price.outputPerMillion ?? 0)) / 1e6 : null
  return { calls, tokensIn, tokensOut, costUsd }
}

function rowsPerStep(params: Params): number {
  return Number(params['batchSize']) * Number(params['accumulationSteps'])
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

/** Sum that is unknown as soon as one part is. */
function total(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((sum, value) => (sum === null || value === null ? null : sum + value), 0)
}

function notesOf(spec: ExperimentSpec, figures: Pick<Estimate, 'calls' | 'tokens' | 'costUsd'>, runs: readonly { params: Params }[]): string[] {
  const notes: string[] = []
  const isEndpoint = runs.some(({ params }) => EndpointSchema.safeParse(params['model']).success)
  const isHourly = runs.some(({ params }) => PriceSchema.safeParse(params['price']).data?.perHour !== undefined)
  if (figures.calls === null) notes.push('calls: the dataset has no such split')
  if (figures.tokens === null) notes.push('tokens: the length of the dataset’s items is not known')
  else if (spec.kind === 'prompt') notes.push('tokens: an upper bound, with 4 characters per token read and every answer as long as maxTokens')
  else if (spec.kind === 'lora') notes.push('tokens: of training, with 4 characters per token')
  else if (spec.kind === 'pretrain') notes.push('tokens: of training, steps × batchSize × accumulationSteps × maxLength')
  if (figures.costUsd === null && isEndpoint) notes.push('cost: an endpoint has no inputPerMillion and outputPerMillion in its price, or tokens are not known')
  else if (figures.costUsd === null && isHourly) notes.push('cost: the price is per hour, and the time is not known before a run')
  else if (figures.costUsd === null) notes.push('cost: local runs have no price; set price.perHour to count the machine')
  if (spec.budget?.usd !== undefined) notes.push(`budget: each run stops at ${spec.budget.usd} US dollars`)
  if (spec.budget?.minutes !== undefined) notes.push(`seconds: an upper bound, the budget of ${spec.budget.minutes} minutes for each run`)
  else notes.push('seconds: not known before a run on this machine has been measured')
  notes.push('memory: not known before the model is loaded')
  return notes
}

/**
 * What an experiment would take, from the file and the size of its dataset alone. Tokens are
 * rough and said to be so; whatever cannot be known is null and a note says why.
 */
export function estimate(spec: ExperimentSpec, input: EstimateInput): Estimate {
  const runs = expandRuns(spec)
  const each = runs.map(({ params }) => figuresOf(spec, params, input))
  const figures = {
    calls: total(each.map(({ calls }) => calls)),
    tokens: total(each.map(({ tokensIn, tokensOut }) => (tokensIn === null || tokensOut === null ? null : tokensIn + tokensOut))),
    costUsd: total(each.map(({ costUsd }) => costUsd)),
  }
  const seconds = spec.budget?.minutes === undefined ? null : spec.budget.minutes * 60 * runs.length
  return { runs: runs.length, ...figures, memoryBytes: null, seconds, notes: notesOf(spec, figures, runs) }
}
