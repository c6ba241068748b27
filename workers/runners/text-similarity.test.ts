import { expect, it } from 'vitest'
import { openSimilarity } from './text-similarity.js'

it('embeds a text once while it is among the latest, and takes the cosine', async () => {
  const embedded: string[] = []
  const openEndpoint = () => ({
    name: 'letters',
    embed: (texts: readonly string[]) => {
      embedded.push(...texts)
      return Promise.resolve({ vectors: texts.map((text) => Float32Array.of(text.length, text.startsWith('a') ? 1 : 0)), tokensIn: null })
    },
  })
  const similarity = await openSimilarity({ provider: 'openai', api: 'chat', baseUrl: 'http://127.0.0.1:1/v1', model: 'letters' }, { threads: 1, openEndpoint })
  expect(await similarity.cosine('aa', 'bb')).toBeCloseTo(2 / Math.sqrt(5), 6)
  expect(await similarity.cosine('aa', 'aa')).toBeCloseTo(1, 6)
  expect(embedded).toEqual(['aa', 'bb'])
  for (let index = 0; index < 4_100; index++) await similarity.cosine('aa', `text ${index}`)
  expect(embedded.filter((text) => text === 'aa')).toHaveLength(1)
  await similarity.cosine('bb', 'aa')
  expect(embedded.at(-1)).toBe('bb')
  await similarity.close()
})
