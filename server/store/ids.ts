import { randomInt } from 'node:crypto'

/** Crockford's base 32: no letter that reads like a digit. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const EPOCH_MS = Date.UTC(2026, 0, 1)
const COUNTER_BITS = 25n

let lastMs = 0
let counter = 0

/**
 * A short id that sorts by the time it was made: 9 characters of milliseconds, 5 of a counter
 * that starts at random within each millisecond. Ids made in a row by one process ascend.
 */
export function makeId(nowMs = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = randomInt(2 ** 24)
  } else {
    counter += 1
  }
  let bits = (BigInt(lastMs - EPOCH_MS) << COUNTER_BITS) | BigInt(counter)
  let id = ''
  for (let index = 0; index < 14; index += 1) {
    id = (ALPHABET[Number(bits & 31n)] ?? '0') + id
    bits >>= 5n
  }
  return id
}
