/**
 * Seeded damage for fuzzing readers: bytes flipped, cut, doubled or overwritten, and JSON whose values, keys and nesting
 * are not what the format promises. The same seed makes the same inputs everywhere.
 */
import { Random } from '../../workers/engine/random.js'

/** Values that break assumptions: wrong types, sizes beyond every limit, names that objects inherit. */
const HOSTILE: readonly unknown[] = [
  null, true, false, 0, -1, 1, 0.5, -0.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -1e308, 4294967295, '', ' ', '0', '__proto__', 'constructor', 'toString', '../../etc/passwd',
  '\u0000', '\ud800', '🙂', 'x'.repeat(5000), '(', '[', '\\', '(?<=', [], {}, [[]], [null], [-1], [2 ** 53, 2 ** 53], [0, 2 ** 53], { length: -1 }, { type: 'Sequence' }, { type: '' },
]
const DEEP = 20_000

export class Mutator {
  readonly #random: Random

  constructor(seed: number, index: number) {
    this.#random = new Random(seed, 900, index)
  }

  /** One to three pieces of damage to bytes. */
  bytes(original: Uint8Array): Buffer {
    let data: Buffer = Buffer.from(original)
    for (let times = 1 + this.#below(3); times > 0; times--) data = this.#damageBytes(data)
    return data
  }

  /** The text of a JSON document with one to three values replaced, removed, moved or nested; sometimes no longer JSON. */
  json(original: unknown): string {
    if (this.#below(40) === 0) return '['.repeat(DEEP) + ']'.repeat(DEEP)
    const document: unknown = structuredClone(original)
    const holder = { document }
    for (let times = 1 + this.#below(3); times > 0; times--) this.#damageValue(holder)
    const text = JSON.stringify(holder.document) ?? 'undefined'
    return this.#below(8) === 0 ? this.bytes(Buffer.from(text)).toString('utf8') : text
  }

  #damageBytes(data: Buffer): Buffer {
    if (data.length === 0) return Buffer.from([this.#below(256)])
    const at = this.#below(data.length)
    const end = Math.min(data.length, at + 1 + this.#below(16))
    switch (this.#below(6)) {
      case 0: data[at] = (data[at] ?? 0) ^ (1 << this.#below(8)); return data
      case 1: data[at] = this.#below(256); return data
      case 2: return data.subarray(0, at)
      case 3: return Buffer.concat([data.subarray(0, at), data.subarray(at, end), data.subarray(at)])
      case 4: return Buffer.concat([data.subarray(0, at), data.subarray(end)])
      default: return data.fill(this.#below(2) * 255, at, end)
    }
  }

  #damageValue(holder: { document: unknown }): void {
    const places = placesIn(holder)
    const place = places[this.#below(places.length)]
    if (!place) return
    const { parent, key } = place
    switch (this.#below(8)) {
      case 0: case 1: case 2: set(parent, key, structuredClone(HOSTILE[this.#below(HOSTILE.length)])); return
      case 3: if (Array.isArray(parent)) parent.splice(Number(key), 1); else if (parent !== holder) Reflect.deleteProperty(parent, key); return
      case 4: if (Array.isArray(parent)) parent.splice(Number(key), 0, structuredClone(Reflect.get(parent, key))); return
      case 5: {
        const other = places[this.#below(places.length)]
        set(parent, key, structuredClone(other && Reflect.get(other.parent, other.key)))
        return
      }
      case 6: if (parent !== holder && !Array.isArray(parent)) set(parent, String(HOSTILE[this.#below(HOSTILE.length)]).slice(0, 40), structuredClone(Reflect.get(parent, key))); return
      default: set(parent, key, this.#near(Reflect.get(parent, key)))
    }
  }

  /** A value close to the right one, which a careless check lets pass. */
  #near(value: unknown): unknown {
    if (typeof value === 'number') return value + this.#below(3) - 1
    if (typeof value === 'string') return value.slice(0, this.#below(value.length + 1)) + String.fromCharCode(this.#below(0x250))
    return [structuredClone(value)]
  }

  #below(limit: number): number {
    return this.#random.uint32() % Math.max(1, limit)
  }
}

interface Place {
  parent: object
  key: string
}

function placesIn(root: object): Place[] {
  const places: Place[] = []
  const visit = (parent: object): void => {
    for (const [key, value] of Object.entries(parent)) {
      places.push({ parent, key })
      // A long vocabulary is one shape repeated; a few of its entries stand for all.
      if (typeof value === 'object' && value !== null && places.length < 400) visit(value)
    }
  }
  visit(root)
  return places
}

/** Own properties only: a key like "__proto__" must become data, as JSON.parse makes it. */
function set(parent: object, key: string, value: unknown): void {
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true })
}
