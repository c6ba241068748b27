/**
 * Picks the next token from logits: greedy at temperature 0, else by chance. As Hugging Face orders them: repetition
 * penalty, temperature, top-k, top-p, min-p.
 */
import { Random } from './random.js'

export interface SamplingOptions {
  /** 0 is greedy. */
  temperature: number
  /** Keep the k most probable tokens; 0 keeps all. */
  topK: number
  /** Keep the fewest most probable tokens whose probabilities reach p (Holtzman et al. 2020, arXiv:1904.09751); 1 keeps all. */
  topP: number
  /** Keep tokens at least this share as probable as the most probable one (Nguyen et al. 2024, arXiv:2407.01082); 0 keeps all. */
  minP: number
  /** Divides positive logits of tokens that the prompt or the answer has already, multiplies negative ones (Keskar et al. 2019, arXiv:1909.05858); 1 is off. */
  repetitionPenalty: number
  seed: number
}

export const GREEDY: SamplingOptions = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }

/** Apart from the streams training draws from. */
const SAMPLING_STREAM = 1000

export type Sampler = (logits: Float32Array) => number

/** The same seed gives the same tokens for the same logits after the same prompt. Ties go to the lower id. */
export function createSampler(options: SamplingOptions, prompt: readonly number[] = []): Sampler {
  const draw = options.temperature === 0 ? argMax : randomDraw(options)
  const { repetitionPenalty } = options
  if (repetitionPenalty === 1) return draw
  const seen = new Set(prompt)
  return (logits) => {
    const token = draw(penalised(logits, seen, repetitionPenalty))
    seen.add(token)
    return token
  }
}

function penalised(logits: Float32Array, seen: ReadonlySet<number>, penalty: number): Float32Array {
  const changed = logits.slice()
  for (const id of seen) {
    const logit = logits[id] ?? 0
    changed[id] = logit < 0 ? logit * penalty : logit / penalty
  }
  return changed
}

function randomDraw(options: SamplingOptions): Sampler {
  const random = new Random(options.seed, SAMPLING_STREAM)
  return (logits) => {
    const kept = keepMostProbable(logits, options)
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

/** Weights are relative to the most probable token's, which has 1. */
function keepMostProbable(logits: Float32Array, { temperature, topK, topP, minP }: Omit<SamplingOptions, 'seed'>): { id: number; weight: number }[] {
  const highest = logits[argMax(logits)] ?? 0
  const all = Array.from(logits, (logit, id) => ({ id, weight: Math.exp((logit - highest) / temperature) }))
  if (topK === 0 && topP === 1) return minP === 0 ? all : all.filter(({ weight }) => weight >= minP)
  all.sort((a, b) => b.weight - a.weight || a.id - b.id)
  const kept = topK > 0 ? all.slice(0, topK) : all
  const total = kept.reduce((sum, { weight }) => sum + weight, 0)
  let reached = 0
  const last = kept.findIndex(({ weight }) => (reached += weight) >= topP * total)
  return (last === -1 ? kept : kept.slice(0, last + 1)).filter(({ weight }) => weight >= minP)
}
