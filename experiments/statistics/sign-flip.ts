import { normalCdf } from './distributions.js'
import { randomWords } from './random.js'

/** Up to 2^16 sign patterns are counted one by one. */
const EXACT_LIMIT = 16
/** Beyond this many the sum of signs is normal to far below the Monte Carlo error. */
const NORMAL_LIMIT = 2_000
const RESAMPLES = 9_999

function exactSignFlip(magnitudes: Float64Array, threshold: number): number {
  const m = magnitudes.length
  const patterns = 2 ** m
  let sum = -magnitudes.reduce((total, value) => total + value, 0)
  let extreme = Math.abs(sum) >= threshold ? 1 : 0
  let gray = 0
  for (let i = 1; i < patterns; i++) {
    const bit = 31 - Math.clz32(i & -i)
    gray ^= 1 << bit
    sum += (gray >> bit) & 1 ? 2 * (magnitudes[bit] ?? 0) : -2 * (magnitudes[bit] ?? 0)
    if (Math.abs(sum) >= threshold) extreme++
  }
  return extreme / patterns
}

function sampledSignFlip(magnitudes: Float64Array, threshold: number, seed: number): number {
  const next = randomWords(seed)
  let extreme = 0
  for (let resample = 0; resample < RESAMPLES; resample++) {
    let sum = 0
    let bits = 0
    for (let i = 0; i < magnitudes.length; i++) {
      if ((i & 31) === 0) bits = next()
      sum += (1 - ((bits & 1) << 1)) * (magnitudes[i] ?? 0)
      bits >>>= 1
    }
    if (Math.abs(sum) >= threshold) extreme++
  }
  return (extreme + 1) / (RESAMPLES + 1)
}

/** Σd / sqrt(Σd²): the sum of differences in standard errors, under the hypothesis that each is as likely with either sign. */
export function signFlipZ(differences: ArrayLike<number>): number {
  let sum = 0
  let squares = 0
  for (let i = 0; i < differences.length; i++) {
    const value = differences[i] ?? 0
    sum += value
    squares += value * value
  }
  return squares === 0 ? 0 : sum / Math.sqrt(squares)
}

function magnitudesOf(differences: ArrayLike<number>): Float64Array {
  return Float64Array.from(Array.from(differences, Math.abs).filter((value) => value > 0))
}

/** Rounding must not make the observed pattern look more extreme than its mirror image. */
function thresholdOf(differences: ArrayLike<number>, magnitudes: Float64Array): number {
  let sum = 0
  for (let i = 0; i < differences.length; i++) sum += differences[i] ?? 0
  return Math.abs(sum) - 1e-9 * magnitudes.reduce((total, value) => total + value, 0)
}

/**
 * Sign-flip permutation test, two-sided, of the sum of paired differences: under no difference
 * each one is as likely with either sign. All 2^m patterns for m ≤ 16 differences other than 0;
 * up to 2,000 a seeded Monte Carlo of 9,999 resamples with p = (extreme + 1)/(resamples + 1)
 * (Phipson & Smyth, SAGMB 9 (2010) 39); above, its normal limit z = Σd / sqrt(Σd²).
 * Source: R. A. Fisher, The Design of Experiments, 1935, §21.
 */
export function signFlipTest(differences: ArrayLike<number>, seed = 1): number {
  const magnitudes = magnitudesOf(differences)
  if (magnitudes.length <= EXACT_LIMIT || magnitudes.length > NORMAL_LIMIT) return signFlipLimit(differences)
  return sampledSignFlip(magnitudes, thresholdOf(differences, magnitudes), seed)
}

/**
 * The same test without resampling: exact for m ≤ 16, else the normal limit. For p-values far below
 * what 9,999 resamples can tell apart, such as those of early looks.
 */
export function signFlipLimit(differences: ArrayLike<number>): number {
  const magnitudes = magnitudesOf(differences)
  if (magnitudes.length === 0) return 1
  if (magnitudes.length <= EXACT_LIMIT) return exactSignFlip(magnitudes, thresholdOf(differences, magnitudes))
  return Math.min(1, 2 * normalCdf(-Math.abs(signFlipZ(differences))))
}
