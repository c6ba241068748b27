/* How many calls the judges of a prompt run make, before any is made. */
import { OpenAiEndpointSchema, type ParameterValue, ScorersSchema } from '../server/contracts/index.js'

/**
 * Calls of judges over `items` answers: one per judge, two where answers are compared in both orders, and the
 * labelled answers that a judge is held to. Repeated calls are found stored, so this is the most there can be.
 * Assertions may ask graders besides; which ones stands in the items.
 */
export function judgeCalls(params: Readonly<Record<string, ParameterValue>>, items: number, sizes: Readonly<Record<string, number>>): number {
  const scorers = ScorersSchema.safeParse(params['scorers']).data ?? {}
  return Object.values(scorers).reduce((sum, scorer) => {
    if (scorer.type !== 'judge' && scorer.type !== 'pairwise') return sum
    const judges = 1 + (scorer.others?.length ?? 0)
    const labelled = scorer.type === 'judge' && scorer.people !== undefined ? (sizes[scorer.people.split] ?? 0) : 0
    return sum + judges * ((scorer.type === 'pairwise' ? 2 : 1) * items + labelled)
  }, 0)
}

/** Whether some vector is asked of an endpoint: by retrieval, or by a scorer that compares texts. */
export function asksVectors(params: Readonly<Record<string, ParameterValue>>): boolean {
  const scorers = ScorersSchema.safeParse(params['scorers']).data ?? {}
  const retrieves = params['retriever'] !== 'bm25' && OpenAiEndpointSchema.safeParse(params['embeddingModel']).success
  return retrieves || Object.values(scorers).some((scorer) => scorer.type === 'similarity' && typeof scorer.by !== 'string')
}
