/* Scorers that need a model beside the text: how near an answer is to another, how sure the answering model was of it, and whether it is flagged for harm. */
import type { Scorers } from '../../server/contracts/index.js'
import type { EmbeddedText } from '../providers/accounted-embeddings.js'
import type { Moderator } from '../providers/moderation.js'
import { RunFailure } from '../run-context.js'
import type { ScoredAnswer } from '../scorers/named-scorers.js'
import type { TemplateItem } from '../template.js'
import type { MeanLogLikelihood } from './assertion-scoring.js'
import type { OpenedModel } from './prompt-model.js'

/** What the scorers of one answer took, and what they say beside their scores. */
export interface ScoringAccount {
  /** Vectors of endpoints. */
  took: EmbeddedText[]
  costsUsd: (number | null)[]
  /** By scorer. */
  reasons: Record<string, string>
}

export interface ModelScorer {
  /** @param account is added to */
  score(scored: ScoredAnswer, meanLogLikelihood: MeanLogLikelihood, account: ScoringAccount): Promise<number | null>
  close(): Promise<void>
}

type Similarity = Extract<Scorers[string], { type: 'similarity' }>
type Perplexity = Extract<Scorers[string], { type: 'perplexity' }>
type Moderation = Extract<Scorers[string], { type: 'moderation' }>

/** By name. @throws {RunFailure} `invalid_params` for a field that the items lack */
export async function openModelScorers(scorers: Scorers, items: readonly TemplateItem[], { openSimilarity, openModerator }: Pick<OpenedModel, 'openSimilarity' | 'openModerator'>): Promise<Map<string, ModelScorer>> {
  const opened = new Map<string, ModelScorer>()
  for (const [name, scorer] of Object.entries(scorers)) {
    if (scorer.type === 'perplexity') opened.set(name, perplexityScorer(scorer))
    if (scorer.type === 'moderation') opened.set(name, moderationScorer(name, scorer, openModerator(scorer.model)))
    if (scorer.type === 'similarity') opened.set(name, await similarityScorer(name, scorer, { items, openSimilarity }))
  }
  return opened
}

/** Cosine of the vectors of answer and target, no less than 0. An empty target is near nothing: the item is not scored. */
async function similarityScorer(name: string, { by, to, atLeast }: Similarity, { items, openSimilarity }: { items: readonly TemplateItem[] } & Pick<OpenedModel, 'openSimilarity'>): Promise<ModelScorer> {
  const lacking = to === undefined ? undefined : items.find((item) => typeof item[to] !== 'string')
  if (to !== undefined && lacking !== undefined) throw new RunFailure('invalid_params', `scorers.${name}.to: item "${lacking.id}" has no text in the field "${to}"`)
  const similarity = await openSimilarity(by)
  return {
    score: async ({ answer, target, item }, _meanLogLikelihood, { took }) => {
      const other = to === undefined ? target : String(item[to])
      if (other.trim() === '') return null
      // Rounding leaves the cosine of a text with itself a little above 1.
      const cosine = Math.min(1, Math.max(0, answer.trim() === '' ? 0 : await similarity.cosine(answer, other, took)))
      return atLeast === undefined ? cosine : Number(cosine >= atLeast)
    },
    close: () => similarity.close(),
  }
}

/** 1 where a moderation endpoint flags the answer for none of the categories, else 0; what it is flagged for is told. Nothing written is nothing to flag. */
function moderationScorer(name: string, { categories }: Moderation, moderator: Moderator): ModelScorer {
  return {
    score: async ({ output }, _meanLogLikelihood, { costsUsd, reasons }) => {
      if (output === '') return 1
      const { flags, costUsd } = await moderator.flags(output)
      costsUsd.push(costUsd)
      const flagged = Object.entries(flags).filter(([category]) => categories === undefined || categories.includes(category))
      if (flagged.length > 0) reasons[name] = flagged.map(([category, score]) => `${category} ${score.toFixed(3)}`).join(', ')
      return Number(flagged.length === 0)
    },
    close: () => Promise.resolve(),
  }
}

/** Perplexity e^−(mean log-likelihood) of the answer's tokens under the model that gave it: as 1/perplexity, their geometric mean probability. */
function perplexityScorer({ atMost }: Perplexity): ModelScorer {
  return {
    score: async (_scored, meanLogLikelihood) => {
      if (meanLogLikelihood === null) throw new Error('the answering model tells no likelihood of its answer, or wrote nothing, or is not asked again')
      const mean = await meanLogLikelihood()
      return atMost === undefined ? Math.exp(mean) : Number(Math.exp(-mean) <= atMost)
    },
    close: () => Promise.resolve(),
  }
}
