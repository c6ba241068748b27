/* What judges and vectors of endpoints take beside the answers of a run, before anything is asked. */
import { EndpointSchema, OpenAiEndpointSchema, ScorersSchema, type Estimate, type Judge, type ModelRef, type PairwiseJudge, type ParameterValue, type Scorers } from '../server/contracts/index.js'
import { CHARACTERS_PER_TOKEN, promptCharacters } from './prompt-length.js'

type Params = Readonly<Record<string, ParameterValue>>
export type Besides = NonNullable<Estimate['judges']>

export interface ScoringInput {
  /** Items of the run; null: not known. */
  items: number | null
  datasetSizes: Readonly<Record<string, number>>
  itemCharacters?: number | undefined
  /** Of a retrieval dataset. */
  documents?: { count: number; characters: number } | undefined
}

/** What stands around rubric, question and answer in what a judge reads. */
const FRAME_CHARACTERS = 500

/**
 * The most that judges take: a call per judge and answer, two where answers are compared in both orders, and the
 * labelled answers that a judge is held to, every answer as long as maxTokens and every verdict as long as the
 * judge's; and moderation, a call per answer. Replies that are stored are not asked again. Null where nobody judges; figures of graders that the items'
 * assertions may ask are null, since the file does not tell which.
 */
export function judgeFigures(params: Params, input: ScoringInput): Besides | null {
  const scorers = Object.values(scorersOf(params))
  const judges = scorers.flatMap((scorer) => (scorer.type === 'judge' || scorer.type === 'pairwise' ? [judged(scorer, params, input)] : []))
  const moderated = scorers.flatMap((scorer) => (scorer.type === 'moderation' ? [moderating(scorer.model, params, input)] : []))
  const asksGraders = scorers.some((scorer) => scorer.type === 'assertions' && Object.keys(scorer.graders).length + Object.keys(scorer.moderators).length > 0)
  const all = [...judges, ...moderated]
  return all.length === 0 && !asksGraders ? null : sumOf([...all, ...(asksGraders ? [UNKNOWN] : [])])
}

/** Vectors of endpoints: of answers and targets that are compared, of questions and chunks that are retrieved by. A call for each, unless they are asked for together. */
export function vectorFigures(params: Params, input: ScoringInput): Besides | null {
  const scorers = Object.values(scorersOf(params))
  const compared = scorers.flatMap((scorer) => (scorer.type === 'similarity' && typeof scorer.by !== 'string' ? [comparing(scorer.by, params, input)] : []))
  const asserted = scorers.some((scorer) => scorer.type === 'assertions' && Object.values(scorer.embedders).some((embedder) => typeof embedder !== 'string')) ? [UNKNOWN] : []
  const retrieved = params['retriever'] === 'bm25' ? undefined : OpenAiEndpointSchema.safeParse(params['embeddingModel']).data
  const all = [...compared, ...asserted, ...(retrieved === undefined ? [] : [retrieving(retrieved, params, input)])]
  return all.length === 0 ? null : sumOf(all)
}

const UNKNOWN: Besides = { calls: null, tokens: null, costUsd: null }

/** Of all parts together. */
export function sumOf(all: readonly Besides[]): Besides {
  return { calls: total(all.map(({ calls }) => calls)), tokens: total(all.map(({ tokens }) => tokens)), costUsd: total(all.map(({ costUsd }) => costUsd)) }
}

/** Sum that is unknown as soon as one part is. */
export function total(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((sum, value) => (sum === null || value === null ? null : sum + value), 0)
}

function scorersOf(params: Params): Scorers {
  return ScorersSchema.safeParse(params['scorers']).data ?? {}
}

function judged(scorer: Judge | PairwiseJudge, params: Params, { items, datasetSizes, itemCharacters }: ScoringInput): Besides {
  const isPair = scorer.type === 'pairwise'
  const labelled = scorer.type === 'judge' && scorer.people !== undefined ? (datasetSizes[scorer.people.split] ?? 0) : 0
  const calls = items === null ? null : (isPair ? 2 : 1) * items + labelled
  const question = promptCharacters(params, itemCharacters)
  const answers = (isPair ? 2 : 1) * Number(params['maxTokens'])
  const criterion = scorer.type === 'pairwise' ? scorer.criterion : scorer.rubric
  const tokensIn = calls === null || question === null ? null : Math.ceil(calls * ((FRAME_CHARACTERS + criterion.length + question) / CHARACTERS_PER_TOKEN + answers))
  return sumOf([scorer.model, ...(scorer.others ?? [])].map((model) => priced(model, { calls, tokensIn, tokensOut: calls === null ? null : calls * scorer.maxTokens })))
}

function moderating(model: ModelRef, params: Params, { items }: ScoringInput): Besides {
  return priced(model, { calls: items, tokensIn: items === null ? null : items * Number(params['maxTokens']), tokensOut: 0 })
}

function comparing(by: ModelRef, params: Params, { items, itemCharacters }: ScoringInput): Besides {
  const perItem = itemCharacters === undefined ? null : Number(params['maxTokens']) + itemCharacters / CHARACTERS_PER_TOKEN
  return priced(by, { calls: items === null ? null : 2 * items, tokensIn: items === null || perItem === null ? null : Math.ceil(items * perItem), tokensOut: 0 })
}

function retrieving(by: ModelRef, params: Params, { items, itemCharacters, documents }: ScoringInput): Besides {
  if (items === null || documents === undefined || itemCharacters === undefined) return UNKNOWN
  const [size, overlap] = [Number(params['chunkSize']), Number(params['chunkOverlap'])]
  const chunks = Math.ceil(documents.characters / Math.max(1, size - overlap)) + documents.count
  return priced(by, { calls: items + chunks, tokensIn: Math.ceil((items * itemCharacters + (documents.characters * size) / Math.max(1, size - overlap)) / CHARACTERS_PER_TOKEN), tokensOut: 0 })
}

/** By the price that the file gives; without one the cost is unknown. */
function priced(ref: ModelRef, { calls, tokensIn, tokensOut }: { calls: number | null; tokensIn: number | null; tokensOut: number | null }): Besides {
  const price = EndpointSchema.safeParse(ref).data?.price
  const tokens = tokensIn === null || tokensOut === null ? null : tokensIn + tokensOut
  if (price?.perHour === 0) return { calls, tokens, costUsd: 0 }
  const { inputPerMillion, outputPerMillion = tokensOut === 0 ? 0 : undefined } = price ?? {}
  const costUsd = tokensIn === null || tokensOut === null || inputPerMillion === undefined || outputPerMillion === undefined ? null : (tokensIn * inputPerMillion + tokensOut * outputPerMillion) / 1e6
  return { calls, tokens, costUsd }
}
