/**
 * Seeded random streams. A stream is named by numbers (seed, purpose, step, …), so any part of a run can be drawn
 * again without replaying what came before: that is what makes resuming exact.
 */
export class Random {
  #a: number
  #b: number
  #c: number
  #d = 1
  #spare: number | null = null

  constructor(...stream: number[]) {
    let hash = 0x9e3779b9
    const mix = (word: number): number => {
      hash = Math.imul(hash ^ word, 0x85ebca6b)
      hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
      hash ^= hash >>> 16
      return hash
    }
    for (const part of stream) {
      mix(part | 0)
      mix(Math.floor(part / 4294967296) | 0)
    }
    this.#a = mix(1)
    this.#b = mix(2)
    this.#c = mix(3)
    for (let warmUp = 0; warmUp < 12; warmUp++) this.uint32()
  }

  /** sfc32 of PractRand (Doty-Humphrey): 32 uniform bits. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#d) | 0
    this.#d = (this.#d + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum | 0
    return sum >>> 0
  }

  /** Uniform in [0, 1). */
  uniform(): number {
    return this.uint32() / 4294967296
  }

  /** Standard normal, by Box and Muller. */
  normal(): number {
    if (this.#spare !== null) {
      const spare = this.#spare
      this.#spare = null
      return spare
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    const angle = 2 * Math.PI * this.uniform()
    this.#spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }

  /** A permutation of 0 … count−1, by Fisher and Yates. */
  permutation(count: number): Int32Array {
    const order = Int32Array.from({ length: count }, (_, index) => index)
    for (let last = count - 1; last > 0; last--) {
      const other = Math.floor(this.uniform() * (last + 1))
      const moved = order[last] ?? 0
      order[last] = order[other] ?? 0
      order[other] = moved
    }
    return order
  }
}

/** So many numbers, one after the other. A loop: Float32Array.from would make a list of objects of them first. */
export function drawn(count: number, draw: () => number): Float32Array {
  const numbers = new Float32Array(count)
  for (let index = 0; index < count; index++) numbers[index] = draw()
  return numbers
}

/** What a stream is for; part of its name, so that no two purposes share numbers. */
export const streams = { weights: 1, adapters: 2, order: 3, dropout: 4 } as const
