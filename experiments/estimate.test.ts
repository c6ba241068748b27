import { describe, expect, it } from 'vitest'
import { EstimateSchema, ExperimentSpecSchema } from '../server/contracts/index.js'
import { estimate } from './estimate.js'

const datasetSizes = { train: 1000, validation: 100, test: 200 }

describe('estimate', () => {
  it('counts calls, tokens and cost of an endpoint', () => {
    const spec = ExperimentSpecSchema.parse({
      name: 'a',
      kind: 'prompt',
      dataset: 'd',
      model: { provider: 'openai', baseUrl: 'http://h/v1', model: 'm', price: { inputPerMillion: 1, outputPerMillion: 2 } },
      axes: { shots: [0, 1] },
      fixed: { maxTokens: 10, limit: 100, template: 'x'.repeat(20) },
      repeats: 2,
    })
    const figures = estimate(spec, { datasetSizes, itemCharacters: 60 })
    // Per call 80 characters = 20 tokens with no shot, 40 with one, and 10 tokens of answer.
    expect(figures).toMatchObject({ runs: 4, calls: 400, tokens: 2 * (100 * 30 + 100 * 50), seconds: null, memoryBytes: null })
    expect(figures.costUsd).toBeCloseTo((2 * (2000 * 1 + 1000 * 2 + 4000 * 1 + 1000 * 2)) / 1e6, 12)
    expect(EstimateSchema.parse(figures)).toEqual(figures)
  })

  it('leaves unknown what it cannot know, and says why', () => {
    const figures = estimate(ExperimentSpecSchema.parse({ name: 'a', kind: 'prompt', dataset: 'd', fixed: { split: 'dev' } }), { datasetSizes })
    expect(figures).toMatchObject({ runs: 1, calls: null, tokens: null, costUsd: null })
    expect(figures.notes.slice(0, 4)).toEqual(['time: not known: the dataset has no such split', 'calls: the dataset has no such split', 'tokens: the length of the dataset’s items is not known, or prompts have several steps or turns', 'cost: local runs have no price; set price.perHour to count the machine'])
  })

  it('says how many calls judges make besides, in both orders and on labelled answers', () => {
    const priced = { provider: 'openai', baseUrl: 'http://h/v1', model: 'p', price: { inputPerMillion: 1, outputPerMillion: 2 } }
    const judge = { type: 'judge', model: 'm', others: ['n'], rubric: 'r', people: { split: 'validation', answer: 'a', verdict: 'v' } }
    const spec = ExperimentSpecSchema.parse({ name: 'a', kind: 'prompt', dataset: 'd', fixed: { limit: 50, scorers: { tone: judge, duel: { type: 'pairwise', model: 'm', criterion: 'c' }, brief: { type: 'length' } } }, axes: { shots: [0, 1] } })
    const figures = estimate(spec, { datasetSizes, itemCharacters: 60 })
    expect(figures.judges).toMatchObject({ calls: 2 * (2 * (50 + 100) + 2 * 50), costUsd: null })
    expect(figures.notes).toEqual(expect.arrayContaining([expect.stringMatching(/^judges: the most they take, .* counted against the budget$/), expect.stringMatching(/^cost of judges and vectors: not known/)]))
    const alone = (scorer: object): unknown => estimate(ExperimentSpecSchema.parse({ name: 'a', kind: 'prompt', dataset: 'd', fixed: { limit: 50, template: 'x'.repeat(20), maxTokens: 10, scorers: { tone: scorer } } }), { datasetSizes, itemCharacters: 60 }).judges
    // 500 characters around the question of 80 and the criterion of 20, 10 tokens of answer (two answers in a pair), and what the judge may write.
    expect(alone({ type: 'judge', model: priced, rubric: 'r'.repeat(20), maxTokens: 30 })).toEqual({ calls: 50, tokens: 50 * (160 + 30), costUsd: expect.closeTo((50 * 160 + 50 * 30 * 2) / 1e6, 12) as number })
    expect(alone({ type: 'pairwise', model: priced, criterion: 'r'.repeat(20), maxTokens: 30 })).toEqual({ calls: 100, tokens: 100 * (170 + 30), costUsd: expect.closeTo((100 * 170 + 100 * 30 * 2) / 1e6, 12) as number })
    expect(alone({ type: 'assertions', graders: { default: { model: priced } } })).toEqual({ calls: null, tokens: null, costUsd: null })
    expect(alone({ type: 'moderation', model: { provider: 'openai', baseUrl: 'http://h/v1', model: 'omni', price: { perHour: 0 } } })).toEqual({ calls: 50, tokens: 500, costUsd: 0 })
    expect(alone({ type: 'length' })).toBeNull()
  })

  it('counts the vectors of answers and targets, and of questions and chunks', () => {
    const by = { provider: 'openai', baseUrl: 'http://h/v1', model: 'vectors', price: { inputPerMillion: 1 } }
    const compared = ExperimentSpecSchema.parse({ name: 'a', kind: 'prompt', dataset: 'd', fixed: { limit: 50, maxTokens: 10, scorers: { near: { type: 'similarity', by } } } })
    expect(estimate(compared, { datasetSizes, itemCharacters: 60 }).embeddings).toEqual({ calls: 100, tokens: 50 * 25, costUsd: expect.closeTo((50 * 25) / 1e6, 12) as number })
    const retrieved = ExperimentSpecSchema.parse({ name: 'a', kind: 'rag', dataset: 'd', fixed: { limit: 50, retriever: 'hybrid', embeddingModel: by, chunkSize: 400, chunkOverlap: 200 } })
    expect(estimate(retrieved, { datasetSizes, itemCharacters: 60, documents: { count: 3, characters: 4_000 } }).embeddings).toEqual({ calls: 50 + 20 + 3, tokens: (50 * 60 + 8_000) / 4, costUsd: expect.closeTo(2_750 / 1e6, 12) as number })
    expect(estimate(retrieved, { datasetSizes, itemCharacters: 60 }).embeddings).toEqual({ calls: null, tokens: null, costUsd: null })
  })

  it('says that vectors of an endpoint are asked for besides', () => {
    const embeddingModel = { provider: 'openai', baseUrl: 'http://h/v1', model: 'vectors' }
    const notesOf = (retriever: string): string => estimate(ExperimentSpecSchema.parse({ name: 'a', kind: 'rag', dataset: 'd', fixed: { retriever, embeddingModel } }), { datasetSizes }).notes.join()
    expect(notesOf('hybrid')).toContain('embeddings: a call for each text')
    expect(notesOf('hybrid')).not.toContain('local runs have no price')
    expect(notesOf('bm25')).not.toContain('embeddings:')
  })

  it('counts a call for each step of a chain, and foresees no tokens of it', () => {
    const spec = ExperimentSpecSchema.parse({ name: 'a', kind: 'prompt', dataset: 'd', fixed: { chain: [{ name: 'first', template: 'x' }], limit: 10 } })
    expect(estimate(spec, { datasetSizes, itemCharacters: 60 })).toMatchObject({ calls: 20, tokens: null })
  })

  it('takes a time budget for the bound it is', () => {
    const spec = ExperimentSpecSchema.parse({ name: 'a', kind: 'pretrain', dataset: 'd', fixed: { steps: 10, batchSize: 4, maxLength: 64 }, axes: { layers: [2, 4] }, budget: { minutes: 2 } })
    expect(estimate(spec, { datasetSizes })).toMatchObject({ runs: 2, tokens: 2 * 10 * 4 * 64, time: { seconds: 240, low: 0, high: 240, basis: 'budget' } })
  })
})
