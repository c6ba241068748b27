/** Picks the next token from logits: greedy at temperature 0, else temperature, then top-k, then top-p, as Hugging Face orders them. */
import { Random } from './random.js'

export interface SamplingOptions {
  /** 0 is greedy. */
  temperature: number
  /** Keep the k most probable tokens; 0 keeps all. */
  topK: number
  /** Keep the fewest most probable tokens whose probabilities reach p (Holtzman et al. 2020, arXiv:1904.09751); 1 keeps all. */
  topP: number
  seed: number
}

/** Apart from the streams training draws from. */
const SAMPLING_STREAM = 1000

export type Sampler = (logits: Float32Array) => number

/** The same seed gives the same tokens for the same logits. Ties go to the lower id. */
export function createSampler({ temperature, topK, topP, seed }: SamplingOptions): Sampler {
  if (temperature === 0) return argMax
  const random = new Random(seed, SAMPLING_STREAM)
  return (logits) => {
    const kept = keepMostProbable(logits, { temperature, topK, topP })
    let left = random.uniform() * kept.reduce((sum, { weight }) => sum + weight, 0)
    for (const { id, weight } of kept) {
      left -= weight
      if (left < 0) return id
    }
    return kept.at(-1)?.id ?? 0
  }
}

export function argMax(logits: Float32Array): number {
  let best = 0
  let highest = -Infinity
  for (let id = 0; id < logits.length; id++) {
    const value = logits[id] ?? -Infinity
    if (value > highest) {
      highest = value
      best = id
    }
  }
  return best
}

function keepMostProbable(logits: Float32Array, { temperature, topK, topP }: Omit<SamplingOptions, 'seed'>): { id: number; weight: number }[] {
  const highest = logits[argMax(logits)] ?? 0
  const all = Array.from(logits, (logit, id) => ({ id, weight: Math.exp((logit - highest) / temperature) }))
  if (topK === 0 && topP === 1) return all
  all.sort((a, b) => b.weight - a.weight || a.id - b.id)
  const kept = topK > 0 ? all.slice(0, topK) : all
  const total = kept.reduce((sum, { weight }) => sum + weight, 0)
  let reached = 0
  const last = kept.findIndex(({ weight }) => (reached += weight) >= topP * total)
  return last === -1 ? kept : kept.slice(0, last + 1)
}
