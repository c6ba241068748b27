import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { AppError } from '../server/contracts/index.js'
import { parsePriceTable, priceOf } from './price-table.js'

const at = (day: string): Date => new Date(`${day}T12:00:00Z`)
const gpt = { provider: 'openai', model: 'gpt-x-mini', baseUrl: 'https://api.example.com/v1' }

test('the price of the day, from the row that names the model most closely', () => {
  const rows = parsePriceTable(`prices:
  - { model: "gpt-*", inputPerMillion: 9 }
  - { model: gpt-x-mini, until: 2026-02-01, inputPerMillion: 2 }
  - { model: gpt-x-mini, from: 2026-02-01, inputPerMillion: 1 }
  - { model: "*", baseUrl: https://other.example.com/v1/, perGpuSecond: 0.001 }
`)
  expect(priceOf(rows, gpt, at('2026-01-31'))).toEqual({ inputPerMillion: 2 })
  expect(priceOf(rows, gpt, at('2026-02-01'))).toEqual({ inputPerMillion: 1 })
  expect(priceOf(rows, { ...gpt, model: 'gpt-y' }, at('2026-02-01'))).toEqual({ inputPerMillion: 9 })
  expect(priceOf(rows, { ...gpt, baseUrl: 'https://other.example.com/v1' }, at('2026-02-01'))).toEqual({ perGpuSecond: 0.001 })
  expect(priceOf(rows, { ...gpt, model: 'claude' }, at('2026-02-01'))).toBeUndefined()
})

test('the example that is shipped is sound, changes a price on its day, and prices no real model', () => {
  const rows = parsePriceTable(readFileSync(new URL('../docs/prices.example.yaml', import.meta.url), 'utf8'))
  const large = { provider: 'openai', model: 'example-large-2026-01-15', baseUrl: null }
  expect([priceOf(rows, large, at('2026-06-30')), priceOf(rows, large, at('2026-07-01'))]).toMatchObject([{ inputPerMillion: 4 }, { inputPerMillion: 2 }])
  expect(rows.filter(({ model, provider }) => provider !== 'local' && !model.startsWith('example-'))).toEqual([])
})

test.each([
  ['prices:\n  - { model: m, inputPerMillion: 1 }\n  - { model: m, from: 2026-01-01, inputPerMillion: 2 }\n', 'row 2 (2026-01-01 to open) overlaps row 1 (always to open)'],
  ['prices:\n  - { model: m, from: 2026-01-01, until: 2026-03-01, perHour: 1 }\n  - { model: m, from: 2026-02-28, perHour: 2 }\n', 'row 2 (2026-02-28 to open) overlaps row 1 (2026-01-01 to 2026-03-01)'],
  ['prices:\n  - { model: m, inputPerMillion: 1, perHour: 1 }\n', 'per token, per hour or per GPU second'],
  ['prices:\n  - { model: m, from: yesterday }\n', 'prices[0].from'],
  ['price: []\n', 'the key prices'],
])('%j is refused', (text, message) => {
  expect(() => parsePriceTable(text)).toThrow(AppError)
  expect(() => parsePriceTable(text)).toThrow(message)
})
