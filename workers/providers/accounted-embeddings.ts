/*
 * Vectors that are paid for once (see paid-calls.ts), each text by itself: whatever texts it is asked with, it is
 * found again. Texts that are asked at the same time go in one call, whose tokens and cost are shared out by bytes,
 * because an endpoint tells them of the whole call.
 */
import { z } from 'zod'
import type { EmbeddingUse, StoredResponse } from '../../server/contracts/index.js'
import { Batcher } from '../batcher.js'
import { RunFailure } from '../run-context.js'
import { keysOf, type CallScope } from './call-key.js'
import { PromptRefused } from './chat-model.js'
import type { EmbeddingModel, Embeddings } from './embeddings.js'
import { PaidCalls, sumKnown, type Account, type PaidCallsOptions, type Pricing, type Replied } from './paid-calls.js'

/** What the vector of one text took. */
export interface EmbeddedText extends Account {
  tokensIn: number | null
  /** Of the call it came with. */
  latencyMs: number
}

export interface AccountedEmbeddings {
  readonly name: string
  /** @throws as EmbeddingModel.embed, for this text alone */
  embed(text: string): Promise<EmbeddedText & { vector: Float32Array }>
}

export interface AccountedEmbeddingsOptions extends Pick<PaidCallsOptions, 'shelf' | 'budget'>, Omit<CallScope, 'repeat'> {
  model: EmbeddingModel
  pricing: Pricing
  /** Texts of one call at most, where that is fewer than the model takes; 1 asks each at once and by itself. */
  mostTexts?: number
}

interface Asked {
  key: string
  text: string
}

const BodySchema = z.object({ vector: z.string() })
const LINGER_MS = 5
/** Some 50,000 tokens, which is far below what endpoints take in one request. */
const MOST_CHARACTERS = 200_000

export function accountedEmbeddings(options: AccountedEmbeddingsOptions): AccountedEmbeddings {
  return new StoredEmbeddings(options)
}

class StoredEmbeddings implements AccountedEmbeddings {
  readonly name: string
  private readonly options: AccountedEmbeddingsOptions
  private readonly calls: PaidCalls
  private readonly keysFor: ReturnType<typeof keysOf>
  private readonly lanes: Batcher<Asked, StoredResponse | PromptRefused>[]
  private readonly mostTexts: number
  private asked = 0
  private dimensions: number | null = null

  constructor(options: AccountedEmbeddingsOptions) {
    const { model, shelf, budget } = options
    this.options = options
    this.name = model.name
    this.mostTexts = Math.min(options.mostTexts ?? model.mostTexts, model.mostTexts)
    this.calls = new PaidCalls({ shelf, budget, concurrency: model.concurrency })
    // No draw: what a text means is the same in each repeat.
    this.keysFor = keysOf({ ...options, identity: { embeddings: options.identity }, repeat: 0 })
    const lane = { most: this.mostTexts, enough: this.mostTexts, lingerMs: LINGER_MS, mostWeight: MOST_CHARACTERS, weigh: ({ text }: Asked) => text.length, run: (asked: Asked[]) => this.ask(asked) }
    this.lanes = Array.from({ length: model.concurrency }, () => new Batcher(lane))
  }

  async embed(text: string): Promise<EmbeddedText & { vector: Float32Array }> {
    const keys = this.keysFor({ text })
    const { key: _key, body, cached, ...facts } = await this.calls.reply(keys, async () => {
      const response = await this.nextLane().add({ key: keys.own, text })
      if (response instanceof PromptRefused) throw response
      return response
    })
    // A vector that was stored when its price was not known has today's.
    return { vector: this.vectorIn(body), tokensIn: facts.tokensIn, latencyMs: facts.latencyMs, costUsd: facts.costUsd ?? this.options.pricing(facts), cached }
  }

  /** One lane is filled before the next, so that few texts make few calls and many make many at a time. */
  private nextLane(): Batcher<Asked, StoredResponse | PromptRefused> {
    const lane = this.lanes[Math.floor(this.asked++ / this.mostTexts) % this.lanes.length]
    if (lane === undefined) throw new RangeError('no lane: concurrency is at least 1')
    return lane
  }

  private async ask(asked: Asked[]): Promise<(StoredResponse | PromptRefused)[]> {
    const { model, pricing } = this.options
    try {
      return await this.calls.pay(async () => apportioned(asked, await model.embed(asked.map(({ text }) => text)), pricing))
    } catch (error) {
      if (!(error instanceof PromptRefused)) throw error
      if (asked.length === 1) return [error]
      // One text that is too long refuses all that it came with: each is asked alone.
      return (await Promise.all(asked.map((one) => this.ask([one])))).flat()
    }
  }

  private vectorIn(body: Replied['body']): Float32Array {
    const bytes = Buffer.from(BodySchema.parse(body).vector, 'base64')
    const vector = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
    this.dimensions ??= vector.length
    if (vector.length === this.dimensions) return vector
    throw new RunFailure('endpoint_failed', `vectors of ${this.name} have ${this.dimensions} numbers, some of them ${vector.length}: the endpoint's model is not the one whose vectors are stored. Set cache to off, or name the models apart`)
  }
}

/** A reply of its own for each text of one call. The call counts as one: by its first text. */
function apportioned(asked: readonly Asked[], { vectors, tries, ...facts }: Embeddings, pricing: Pricing): StoredResponse[] {
  const weights = asked.map(({ text }) => Buffer.byteLength(text) + 1)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const tokens = facts.tokensIn === null ? null : wholeShares(facts.tokensIn, weights)
  return asked.map(({ key }, index) => {
    const share = (weights[index] ?? 0) / total
    const own = { ...facts, tokensIn: tokens?.[index] ?? null }
    const costUsd = pricing({ ...own, latencyMs: facts.latencyMs * share, tries })
    const { buffer, byteOffset, byteLength } = vectors[index] ?? new Float32Array()
    return { key, body: { vector: Buffer.from(buffer, byteOffset, byteLength).toString('base64') }, ...own, tries: index === 0 ? tries : 0, costUsd }
  })
}

/** Whole numbers that add up to `total`, each within 1 of its share (by the largest remainders). */
export function wholeShares(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((before, weight) => before + weight, 0)
  const exact = weights.map((weight) => (total * weight) / sum)
  const shares = exact.map(Math.floor)
  const left = total - shares.reduce((before, share) => before + share, 0)
  const byRemainder = exact.map((value, index) => ({ index, remainder: value - Math.floor(value) })).sort((a, b) => b.remainder - a.remainder || a.index - b.index)
  for (const { index } of byRemainder.slice(0, left)) shares[index] = (shares[index] ?? 0) + 1
  return shares
}

/** What several vectors took together; null for none. */
export function usedBy(embedded: readonly Pick<EmbeddedText, 'tokensIn' | 'costUsd' | 'cached'>[]): EmbeddingUse | null {
  return sumUses(embedded.map(({ cached, tokensIn, costUsd }) => ({ texts: 1, cached: Number(cached), tokensIn, costUsd })))
}

export function sumUses(uses: readonly EmbeddingUse[]): EmbeddingUse | null {
  if (uses.length === 0) return null
  return {
    texts: uses.reduce((sum, { texts }) => sum + texts, 0),
    cached: uses.reduce((sum, { cached }) => sum + cached, 0),
    tokensIn: sumKnown(uses.map(({ tokensIn }) => tokensIn)),
    costUsd: sumKnown(uses.map(({ costUsd }) => costUsd)),
  }
}
