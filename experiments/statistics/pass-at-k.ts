/**
 * Probability that at least one of k answers is right, estimated without bias from n answers of which c were right:
 * 1 − C(n−c, k) / C(n, k) (Chen et al. 2021, arXiv:2107.03374, eq. 1). In [0, 1]. Throws RangeError unless 0 ≤ c ≤ n and 1 ≤ k ≤ n.
 */
export function passAtK(n: number, c: number, k: number): number {
  check(n, c, k)
  let allWrong = 1
  for (let index = 0; index < k; index++) allWrong *= Math.max(0, n - c - index) / (n - index)
  return 1 - allWrong
}

/** Probability that all of k answers are right: C(c, k) / C(n, k), written pass^k. Same bounds. */
export function passHatK(n: number, c: number, k: number): number {
  check(n, c, k)
  let allRight = 1
  for (let index = 0; index < k; index++) allRight *= Math.max(0, c - index) / (n - index)
  return allRight
}

function check(n: number, c: number, k: number): void {
  if (!(Number.isInteger(n) && Number.isInteger(c) && Number.isInteger(k) && c >= 0 && c <= n && k >= 1 && k <= n)) {
    throw new RangeError(`pass@k of ${c} right among ${n} answers with k = ${k}; it needs whole numbers, 0 ≤ right ≤ answers and 1 ≤ k ≤ answers`)
  }
}
