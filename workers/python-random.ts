/*
 * Python's random.Random, draw for draw: MT19937 (Matsumoto & Nishimura 1998, doi 10.1145/272991.272995)
 * seeded and read as CPython does. What Python programs drew by a seed can be drawn here again.
 */

const N = 624
const M = 397

export class PythonRandom {
  readonly #state = new Uint32Array(N)
  #index = N

  /** @param seed a whole number from 0 to 2^53 − 1; others, which Python takes too, are refused */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`a seed is a whole number from 0 to 2^53 - 1, not ${seed}`)
    const high = Math.floor(seed / 2 ** 32)
    this.#seedBy(high === 0 ? [seed] : [seed % 2 ** 32, high])
  }

  /** In [0, 1) with 53 bits. */
  random(): number {
    const [a, b] = [this.#next() >>> 5, this.#next() >>> 6]
    return (a * 2 ** 26 + b) / 2 ** 53
  }

  /** k of the population in the order drawn, without replacement. */
  sample<T>(population: readonly T[], k: number): T[] {
    const n = population.length
    if (!Number.isInteger(k) || k < 0 || k > n) throw new RangeError(`a sample of ${k} cannot be drawn from ${n}`)
    // Python tracks what was drawn where that takes less memory than a copy of the population; the draws differ.
    const copyUpTo = 21 + (k > 5 ? 4 ** Math.ceil(Math.log(k * 3) / Math.log(4)) : 0)
    return n <= copyUpTo ? this.#fromCopy([...population], k) : this.#tracked(population, k)
  }

  #fromCopy<T>(pool: T[], k: number): T[] {
    return Array.from({ length: k }, (_, drawn) => {
      const last = pool.length - drawn - 1
      const at = this.#below(last + 1)
      const [one] = pool.slice(at, at + 1)
      pool.copyWithin(at, last, last + 1)
      return one as T
    })
  }

  #tracked<T>(population: readonly T[], k: number): T[] {
    const drawn = new Set<number>()
    while (drawn.size < k) drawn.add(this.#below(population.length))
    return [...drawn].map((at) => population[at] as T)
  }

  /** A whole number below n < 2^32: as many bits as n has, until they fit. */
  #below(n: number): number {
    const shift = Math.clz32(n)
    let drawn = this.#next() >>> shift
    while (drawn >= n) drawn = this.#next() >>> shift
    return drawn
  }

  #at(index: number): number {
    return this.#state[index] ?? 0
  }

  /** init_by_array of the reference code. */
  #seedBy(key: readonly number[]): void {
    this.#state[0] = 19650218
    for (let i = 1; i < N; i++) this.#state[i] = Math.imul(1812433253, this.#at(i - 1) ^ (this.#at(i - 1) >>> 30)) + i
    let i = 1
    const step = (factor: number, plus: (mixed: number) => number): void => {
      const before = this.#at(i - 1)
      this.#state[i] = plus(this.#at(i) ^ Math.imul(before ^ (before >>> 30), factor))
      if (++i < N) return
      this.#state[0] = this.#at(N - 1)
      i = 1
    }
    for (let k = 0; k < Math.max(N, key.length); k++) step(1664525, (mixed) => mixed + (key[k % key.length] ?? 0) + (k % key.length))
    for (let k = 0; k < N - 1; k++) step(1566083941, (mixed) => mixed - i)
    this.#state[0] = 0x80000000
  }

  #next(): number {
    if (this.#index === N) this.#twist()
    let y = this.#at(this.#index++)
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }

  #twist(): void {
    for (let i = 0; i < N; i++) {
      const y = (this.#at(i) & 0x80000000) | (this.#at((i + 1) % N) & 0x7fffffff)
      this.#state[i] = this.#at((i + M) % N) ^ (y >>> 1) ^ ((y & 1) === 0 ? 0 : 0x9908b0df)
    }
    this.#index = 0
  }
}
