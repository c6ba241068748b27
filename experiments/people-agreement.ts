/* What people say of a run's answers, held against what its scorers say of the same answers. Pure. */
import type { Annotation, PeopleAnswer } from '../server/contracts/index.js'
import { cohenKappa, kappaInterval, krippendorffAlpha } from './statistics/agreement.js'

/** From this score on a scorer calls an answer good. */
const GOOD = 0.5

export interface ScorerScores {
  itemIds: readonly string[]
  /** On 0 to 1; NaN where an item has none. */
  scores: ArrayLike<number>
}

/**
 * How far people agree among each other, and each scorer with most of them. Items on which as many say good
 * as bad have no majority and are left out. Null where nobody has said good or bad.
 */
export function peopleAnswer(annotations: readonly Pick<Annotation, 'itemId' | 'annotator' | 'verdict'>[], scorers: ReadonlyMap<string, ScorerScores>): PeopleAnswer | null {
  const said = annotations.filter(({ verdict }) => verdict !== null)
  if (said.length === 0) return null
  const items = Map.groupBy(said, ({ itemId }) => itemId)
  const annotators = [...new Set(said.map(({ annotator }) => annotator))].sort()
  const ratings = annotators.map((annotator) => [...items.values()].map((ofItem) => ofItem.find((one) => one.annotator === annotator)?.verdict ?? null))
  const alpha = annotators.length < 2 ? NaN : krippendorffAlpha(ratings)
  const majority = new Map([...items].flatMap(([itemId, ofItem]) => {
    const lead = ofItem.reduce((sum, { verdict }) => sum + (verdict === 'good' ? 1 : -1), 0)
    return lead === 0 ? [] : [[itemId, Number(lead > 0)] as const]
  }))
  return {
    items: items.size,
    annotators,
    alpha: Number.isNaN(alpha) ? null : alpha,
    scorers: Object.fromEntries([...scorers].map(([name, scores]) => [name, agreementOf(majority, scores)])),
  }
}

function agreementOf(majority: ReadonlyMap<string, number>, { itemIds, scores }: ScorerScores): PeopleAnswer['scorers'][string] {
  const people: number[] = []
  const scorer: number[] = []
  for (const [place, itemId] of itemIds.entries()) {
    const [verdict, score] = [majority.get(itemId), scores[place] ?? NaN]
    if (verdict === undefined || Number.isNaN(score)) continue
    people.push(verdict)
    scorer.push(Number(score >= GOOD))
  }
  const kappa = people.length === 0 ? NaN : cohenKappa(people, scorer)
  const interval = kappaInterval(people, scorer)
  const same = people.filter((verdict, item) => verdict === scorer[item]).length
  return { n: people.length, agreed: same, kappa: Number.isNaN(kappa) ? null : kappa, low: interval?.low ?? null, high: interval?.high ?? null }
}
