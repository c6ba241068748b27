/* The distribution that the next token is drawn from: logits, then temperature, top-k, top-p and min-p, in that order, as the engine's sampler and Hugging Face apply them. */

export interface Decoding {
  /** 0 is greedy: all of the probability on the highest logit, ties to the first. */
  temperature: number
  /** Keep the k most probable; 0 keeps all. */
  topK: number
  /** Keep the fewest most probable that reach p together (Holtzman et al. 2020, arXiv:1904.09751); 1 keeps all. */
  topP: number
  /** Keep those at least this share as probable as the most probable (Nguyen et al. 2024, arXiv:2407.01082); 0 keeps all. */
  minP: number
}

export interface TokenChance {
  /** Softmax of the logits at this temperature, before anything is cut. */
  tempered: number
  /** What it is drawn with: 0 where it was cut. */
  probability: number
  cutBy: 'top-k' | 'top-p' | 'min-p' | null
}

/** softmax(z / T): exp((zᵢ − max z) / T) over their sum; at T = 0 one for the highest. */
export function softmax(logits: readonly number[], temperature = 1): number[] {
  const highest = Math.max(...logits)
  const first = logits.indexOf(highest)
  const weights = logits.map((logit, place) => (temperature === 0 ? Number(place === first) : Math.exp((logit - highest) / temperature)))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

/**
 * What each token is drawn with, in the order of the logits.
 * @param counts how many tokens of about this logit stand together at a place; left out: one at each. A group may be cut in part.
 */
export function nextTokenChances(logits: readonly number[], { temperature, topK, topP, minP }: Decoding, counts: readonly number[] = logits.map(() => 1)): TokenChance[] {
  const highest = Math.max(...logits)
  const weights = logits.map((logit, place) => (temperature === 0 ? Number(place === logits.indexOf(highest)) : Math.exp((logit - highest) / temperature)))
  const at = (place: number): { weight: number; count: number } => ({ weight: weights[place] ?? 0, count: counts[place] ?? 1 })
  const massOf = (kept: readonly number[]): number => kept.reduce((sum, count, place) => sum + count * at(place).weight, 0)
  const ranked = [...weights.keys()].sort((a, b) => at(b).weight - at(a).weight || a - b)
  const kept = [...counts]
  const cutBy = logits.map((): TokenChance['cutBy'] => null)
  const cut = (by: NonNullable<TokenChance['cutBy']>, most: (place: number) => number): void => {
    for (const place of ranked) {
      const left = Math.min(kept[place] ?? 0, Math.max(0, most(place)))
      if (left === 0 && (kept[place] ?? 0) > 0) cutBy[place] = by
      kept[place] = left
    }
  }
  let [used, reached] = [0, 0]
  if (topK > 0) cut('top-k', (place) => topK - ((used += at(place).count) - at(place).count))
  const total = massOf(kept)
  if (topP < 1) {
    cut('top-p', (place) => {
      // The token that reaches p is the last one kept.
      const needed = at(place).weight === 0 ? 0 : Math.ceil((topP * total - reached) / at(place).weight)
      reached += (kept[place] ?? 0) * at(place).weight
      return needed
    })
  }
  if (minP > 0) cut('min-p', (place) => (at(place).weight < minP ? 0 : Infinity))
  const [all, mass] = [massOf(counts), massOf(kept)]
  return kept.map((count, place) => ({ tempered: (at(place).count * at(place).weight) / all, probability: (count * at(place).weight) / mass, cutBy: cutBy[place] ?? null }))
}

export interface LogitSummary {
  /** Token ids with their logits, the most probable first. */
  top: { id: number; logit: number }[]
  /** All others, gathered by their logits: `count` tokens whose mean of exp(logit) is exp of this one. */
  rest: { count: number; logit: number }[]
}

/** Logits that differ by less stand together: at temperature T the mass of such a group is off by no more than about (0.1/T)²/24. */
const BIN = 0.1

/** A vocabulary's logits made short: the most probable tokens as they are, the tail in groups that keep its mass at any temperature. */
export function summarizeLogits(logits: ArrayLike<number>, most: number): LogitSummary {
  const ranked = Array.from(logits, (logit, id) => ({ id, logit })).sort((a, b) => b.logit - a.logit || a.id - b.id)
  const top = ranked.slice(0, most)
  const bins = new Map<number, { count: number; sum: number; highest: number }>()
  for (const { logit } of ranked.slice(most)) {
    const bin = bins.get(Math.floor(logit / BIN)) ?? { count: 0, sum: 0, highest: logit }
    bin.count += 1
    bin.sum += Math.exp(logit - bin.highest)
    bins.set(Math.floor(logit / BIN), bin)
  }
  return { top, rest: [...bins.values()].map(({ count, sum, highest }) => ({ count, logit: highest + Math.log(sum / count) })) }
}

/** Entropy in bits: how many yes-or-no questions the choice is worth. */
export function entropyBits(chances: readonly number[]): number {
  return chances.reduce((sum, chance) => (chance > 0 ? sum - chance * Math.log2(chance) : sum), 0)
}
