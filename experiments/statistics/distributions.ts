/**
 * Distribution functions in double precision, without dependencies.
 * Series and continued fractions: Press et al., Numerical Recipes, 3rd ed., §6.1, 6.2, 6.4;
 * Lanczos coefficients (g = 7, n = 9): P. Godfrey, 2001.
 */

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
]
const EPSILON = 1e-16
const TINY = 1e-300

/** ln Γ(x) for x > 0; relative error below 1e-13. */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const z = x - 1
  let sum = 0
  for (let i = LANCZOS.length - 1; i > 0; i--) sum += (LANCZOS[i] ?? 0) / (z + i)
  sum += LANCZOS[0] ?? 0
  const t = z + 7.5
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum)
}

/** Lentz's continued fraction of the incomplete beta function (Numerical Recipes eq. 6.4.5). */
function betaFraction(x: number, a: number, b: number): number {
  const guard = (value: number): number => (Math.abs(value) < TINY ? TINY : value)
  let c = 1
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1))
  let result = d
  const maxTerms = 200 + 20 * Math.ceil(Math.sqrt(Math.max(a, b)))
  for (let m = 1; m <= maxTerms; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / guard(1 + even * d)
    c = guard(1 + even / c)
    result *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / guard(1 + odd * d)
    c = guard(1 + odd / c)
    result *= d * c
    if (Math.abs(d * c - 1) < EPSILON) break
  }
  return result
}

/** Regularized incomplete beta function I_x(a, b), for a, b > 0 and x in [0, 1]. */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x))
  if (x < (a + 1) / (a + b + 2)) return (front * betaFraction(x, a, b)) / a
  return 1 - (front * betaFraction(1 - x, b, a)) / b
}

/** P(X ≤ k) for X binomial with n trials of probability p. */
export function binomialCdf(k: number, n: number, p: number): number {
  if (k < 0) return 0
  if (k >= n) return 1
  return incompleteBeta(1 - p, n - k, k + 1)
}

/** Complement of the error function; absolute error below 1e-15. */
function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x)
  const square = x * x
  if (x < 2.5) {
    let term = x
    let sum = x
    for (let n = 1; Math.abs(term) > EPSILON * sum && n < 200; n++) {
      term *= (2 * square) / (2 * n + 1)
      sum += term
    }
    return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-square) * sum
  }
  let fraction = 0
  for (let n = 80; n >= 1; n--) fraction = n / 2 / (x + fraction)
  return Math.exp(-square) / (Math.sqrt(Math.PI) * (x + fraction))
}

/** P(Z ≤ z) of the standard normal distribution. */
export function normalCdf(z: number): number {
  return erfc(-z / Math.SQRT2) / 2
}

/** z with P(Z ≤ z) = p: Abramowitz & Stegun 26.2.23 as a start, then Newton's method. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`a probability strictly between 0 and 1 is needed, got ${p}`)
  if (p > 0.5) return -normalQuantile(1 - p)
  const t = Math.sqrt(-2 * Math.log(p))
  let z = -(t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308))))
  for (let i = 0; i < 4; i++) z -= ((normalCdf(z) - p) * Math.sqrt(2 * Math.PI)) / Math.exp((-z * z) / 2)
  return z
}

/** P(T ≤ t) of Student's t distribution with `df` > 0 degrees of freedom. */
export function studentTCdf(t: number, df: number): number {
  const tail = incompleteBeta(df / (df + t * t), df / 2, 0.5) / 2
  return t > 0 ? 1 - tail : tail
}

/** t with P(T ≤ t) = p, by bisection on the distribution function (error below 1e-12 of the value). */
export function studentTQuantile(p: number, df: number): number {
  if (!(p > 0 && p < 1)) throw new RangeError(`a probability strictly between 0 and 1 is needed, got ${p}`)
  if (p < 0.5) return -studentTQuantile(1 - p, df)
  let low = 0
  let high = 2
  while (studentTCdf(high, df) < p) high *= 2
  for (let i = 0; i < 200 && high - low > 1e-13 * high; i++) {
    const middle = (low + high) / 2
    if (studentTCdf(middle, df) < p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

const criticalT = new Map<number, number>()

/** Two-sided 95 % critical value of Student's t, kept per df: every table cell asks for it. */
export function criticalT95(df: number): number {
  const known = criticalT.get(df)
  if (known !== undefined) return known
  const value = studentTQuantile(0.975, df)
  criticalT.set(df, value)
  return value
}

/** Two-sided 95 % critical value of the normal distribution. */
export const Z95 = 1.959963984540054
