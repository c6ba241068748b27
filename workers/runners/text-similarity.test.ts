import { expect, it } from 'vitest'
import type { EmbeddedText } from '../providers/accounted-embeddings.js'
import { openSimilarity } from './text-similarity.js'

it('embeds a text once while it is among the latest, takes the cosine, and tells what the vectors took', async () => {
  const embedded: string[] = []
  let isAway = false
  const openEndpoint = () => ({
    name: 'letters',
    embed: (text: string) => {
      if (isAway) return Promise.reject(new Error('away'))
      embedded.push(text)
      return Promise.resolve({ vector: Float32Array.of(text.length, text.startsWith('a') ? 1 : 0), tokensIn: text.length, costUsd: 0.5, latencyMs: 1, cached: false })
    },
  })
  const similarity = await openSimilarity({ provider: 'openai', api: 'chat', baseUrl: 'http://127.0.0.1:1/v1', model: 'letters' }, { threads: 1, openEndpoint })
  const took: EmbeddedText[] = []
  expect(await similarity.cosine('aa', 'bb', took)).toBeCloseTo(2 / Math.sqrt(5), 6)
  expect(await similarity.cosine('aa', 'aa', took)).toBeCloseTo(1, 6)
  expect(embedded).toEqual(['aa', 'bb'])
  expect(took.map(({ cached, costUsd }) => [cached, costUsd])).toEqual([[false, 0.5], [false, 0.5], [true, 0.5], [true, 0.5]])
  for (let index = 0; index < 4_100; index++) await similarity.cosine('aa', `text ${index}`, [])
  expect(embedded.filter((text) => text === 'aa')).toHaveLength(1)
  await similarity.cosine('bb', 'aa', [])
  expect(embedded.at(-1)).toBe('bb')
  isAway = true
  await expect(similarity.cosine('cc', 'aa', [])).rejects.toThrow('away')
  isAway = false
  expect(await similarity.cosine('cc', 'cc', [])).toBeCloseTo(1, 6)
  await similarity.close()
})
