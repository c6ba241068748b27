import { expect, it } from 'vitest'
import { makeId } from './ids.js'

it('makes short ids that differ and ascend, also within one millisecond and when the clock goes back', () => {
  const now = Date.UTC(2026, 10, 22)
  const ids = [...Array.from({ length: 1_000 }, () => makeId(now)), makeId(now - 5_000), makeId(now + 1)]
  expect(ids.every((id) => /^[0-9a-hjkmnp-tv-z]{14}$/.test(id))).toBe(true)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids).toEqual([...ids].sort())
})
