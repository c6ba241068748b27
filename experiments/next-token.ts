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

/** What each token is drawn with, in the order of the logits. */
export function nextTokenChances(logits: readonly number[], { temperature, topK, topP, minP }: Decoding): TokenChance[] {
  const tempered = softmax(logits, temperature)
  const ranked = [...tempered.keys()].sort((a, b) => (tempered[b] ?? 0) - (tempered[a] ?? 0) || a - b)
  const cutBy = new Map<number, TokenChance['cutBy']>()
  const kept = topK > 0 ? ranked.slice(0, topK) : ranked
  for (const place of ranked.slice(kept.length)) cutBy.set(place, 'top-k')
  const total = kept.reduce((sum, place) => sum + (tempered[place] ?? 0), 0)
  let reached = 0
  for (const place of kept) {
    // The token that reaches p is the last one kept.
    if (reached >= topP * total && topP < 1) cutBy.set(place, 'top-p')
    else if ((tempered[place] ?? 0) < minP * (tempered[ranked[0] ?? 0] ?? 0)) cutBy.set(place, 'min-p')
    reached += tempered[place] ?? 0
  }
  const mass = tempered.reduce((sum, chance, place) => (cutBy.has(place) ? sum : sum + chance), 0)
  return tempered.map((chance, place) => ({ tempered: chance, probability: cutBy.has(place) ? 0 : chance / mass, cutBy: cutBy.get(place) ?? null }))
}

/** Entropy in bits: how many yes-or-no questions the choice is worth. */
export function entropyBits(chances: readonly number[]): number {
  return chances.reduce((sum, chance) => (chance > 0 ? sum - chance * Math.log2(chance) : sum), 0)
}
