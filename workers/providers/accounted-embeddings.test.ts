import { describe, expect, test } from 'vitest'
import type { StoredResponse } from '../../server/contracts/index.js'
import { RunBudget } from '../budget.js'
import { costOf } from '../cost.js'
import { accountedEmbeddings, usedBy, wholeShares, type AccountedEmbeddings, type AccountedEmbeddingsOptions } from './accounted-embeddings.js'
import { CallFailed, PromptRefused } from './chat-model.js'
import type { EmbeddingModel } from './embeddings.js'

const price = { inputPerMillion: 1e6 }
const letters = (count: number): string[] => Array.from({ length: count }, (_, index) => 'x'.repeat(index + 1))

function modelThat(embed: (texts: readonly string[]) => number[] | Error = (texts) => texts.map(({ length }) => length)): EmbeddingModel & { calls: string[][] } {
  const calls: string[][] = []
  return {
    name: 'vectors', mostTexts: 4, concurrency: 2, calls,
    embed: (texts) => {
      calls.push([...texts])
      const firsts = embed(texts)
      if (firsts instanceof Error) return Promise.reject(firsts)
      return Promise.resolve({ vectors: firsts.map((first) => Float32Array.of(first, 1)), tokensIn: 10 * texts.length, tokensOut: 0, tokensCached: null, tokensReasoning: null, ttftMs: null, latencyMs: 100, tries: 2 })
    },
  }
}

function open(model: EmbeddingModel, more: Partial<AccountedEmbeddingsOptions> & { stored?: Map<string, StoredResponse>; calls?: number } = {}): { embeddings: AccountedEmbeddings; budget: RunBudget; stored: Map<string, StoredResponse> } {
  const { stored = new Map<string, StoredResponse>(), calls, ...rest } = more
  const find = (key: string): Promise<StoredResponse | null> => Promise.resolve(stored.get(key) ?? null)
  const budget = new RunBudget({ limits: calls === undefined ? null : { calls }, spentUsd: 0, spentCalls: 0, elapsedMs: () => 0 })
  const shelf = { find, peek: find, keep: (response: StoredResponse) => Promise.resolve(void stored.set(response.key, response)) }
  return { embeddings: accountedEmbeddings({ model, identity: 'one', pricing: (facts) => costOf(price, facts), shelf, budget, privateTo: null, readsShared: false, ...rest }), budget, stored }
}

describe('vectors that are accounted for', () => {
  test('go in few calls, whose tokens, cost and tries are shared out without a rest', async () => {
    const model = modelThat()
    const { embeddings, budget, stored } = open(model)
    const took = await Promise.all(letters(6).map((text) => embeddings.embed(text)))
    expect(took.map(({ vector: [first] }) => first)).toEqual([1, 2, 3, 4, 5, 6])
    expect(model.calls.map(({ length }) => length)).toEqual([4, 2])
    expect(usedBy(took)).toEqual({ texts: 6, cached: 0, tokensIn: 60, costUsd: 60 })
    expect(took.slice(0, 4).map(({ tokensIn }) => tokensIn)).toEqual([6, 9, 11, 14])
    expect([budget.spentUsd, [...stored.values()].map(({ tries }) => tries)]).toEqual([60, [2, 0, 0, 0, 2, 0]])
  })

  test('are found again by any run, whatever they are asked with, at what they cost', async () => {
    const { embeddings, stored } = open(modelThat())
    await Promise.all(letters(4).map((text) => embeddings.embed(text)))
    const model = modelThat()
    const again = open(model, { stored })
    const took = await Promise.all(['xx', 'new', 'xx'].map((text) => again.embeddings.embed(text)))
    expect(model.calls).toEqual([['new']])
    expect(took.map(({ cached, costUsd, vector: [first] }) => [cached, costUsd, first])).toEqual([[true, 9, 2], [false, 10, 3], [true, 9, 2]])
    expect(again.budget.spentUsd).toBe(10)
  })

  test('are those of one model, and of one run where its cache is off', async () => {
    const { embeddings, stored } = open(modelThat())
    await embeddings.embed('x')
    const calls = async (more: Partial<AccountedEmbeddingsOptions>): Promise<number> => {
      const model = modelThat()
      await open(model, { stored, ...more }).embeddings.embed('x')
      return model.calls.length
    }
    expect(await calls({ identity: 'another' })).toBe(1)
    expect(await calls({ privateTo: 'run' })).toBe(1)
    expect(await calls({ privateTo: 'run' })).toBe(0)
    expect(await calls({ privateTo: 'reader', readsShared: true })).toBe(0)
  })

  test('a text that is too long takes no other down', async () => {
    const model = modelThat((texts) => (texts.includes('xxx') ? new PromptRefused('maximum context length exceeded') : texts.map(({ length }) => length)))
    const { embeddings } = open(model)
    const took = await Promise.allSettled(letters(4).map((text) => embeddings.embed(text)))
    expect(took.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
    expect(took[2]).toMatchObject({ reason: { message: 'maximum context length exceeded' } })
    expect(model.calls).toHaveLength(5)
  })

  test('a call that is given up fails its texts alone, and the budget ends the run', async () => {
    let fails = true
    const { embeddings } = open(modelThat((texts) => (fails ? new CallFailed('gave up', { partial: null, tries: 6 }) : texts.map(({ length }) => length))), { calls: 8 })
    await expect(embeddings.embed('x')).rejects.toThrow('gave up')
    fails = false
    expect((await embeddings.embed('x')).tokensIn).toBe(10)
    await expect(embeddings.embed('y')).rejects.toMatchObject({ code: 'budget_exceeded' })
  })

  test('vectors of another length than those before are no vectors of this model', async () => {
    const { embeddings, stored } = open(modelThat())
    await embeddings.embed('x')
    const [key = '', found] = [...stored][0] ?? []
    if (found !== undefined) stored.set(key, { ...found, body: { vector: Buffer.from(Float32Array.of(1, 2, 3).buffer).toString('base64') } })
    const later = open(modelThat(), { stored }).embeddings
    await later.embed('new')
    await expect(later.embed('x')).rejects.toMatchObject({ code: 'endpoint_failed', message: expect.stringContaining('have 2 numbers, some of them 3') as string })
  })
})

test.each([
  [10, [1, 1, 1], [4, 3, 3]],
  [0, [1, 2], [0, 0]],
  [7, [5, 1, 1], [5, 1, 1]],
])('%i in shares of %j', (total, weights, shares) => {
  expect(wholeShares(total, weights)).toEqual(shares)
})
