/* Vectors of texts from an OpenAI-compatible embeddings endpoint. */
import { z } from 'zod'
import type { OpenAiEndpoint } from '../../server/contracts/index.js'
import { RunFailure } from '../run-context.js'
import { joinUrl, withExtra } from './dialect.js'
import type { EndpointCaller } from './endpoint-caller.js'
import { EndpointFault } from './endpoint-fault.js'
import { readText } from './http-post.js'
import { parseChunk, UsageSchema } from './openai-chat.js'

const AnswerSchema = z.object({ data: z.array(z.object({ index: z.number().int(), embedding: z.array(z.number()) })), usage: UsageSchema.nullish() })

export interface Embeddings {
  /** One vector per text, in order; all of one length. */
  vectors: Float32Array[]
  tokensIn: number | null
}

export interface EmbeddingModel {
  readonly name: string
  embed(texts: readonly string[]): Promise<Embeddings>
}

/** OpenAI takes 2,048 texts a request, others far fewer. */
const BATCH = 64

export class EndpointEmbeddings implements EmbeddingModel {
  readonly name: string
  private dimensions: number | null = null

  constructor(
    private readonly endpoint: OpenAiEndpoint,
    private readonly caller: EndpointCaller,
    private readonly headers: Record<string, string>,
  ) {
    this.name = endpoint.model
  }

  /** @throws as `EndpointCaller.call`; a vector that is missing or of another length than the first is a fault. */
  async embed(texts: readonly string[]): Promise<Embeddings> {
    const batches = Array.from({ length: Math.ceil(texts.length / BATCH) }, (_, index) => texts.slice(index * BATCH, (index + 1) * BATCH))
    const answers = await Promise.all(batches.map((batch) => this.embedBatch(batch)))
    const tokens = answers.map(({ tokensIn }) => tokensIn)
    return {
      vectors: answers.flatMap(({ vectors }) => vectors),
      tokensIn: tokens.every((count) => count !== null) ? tokens.reduce((sum, count) => sum + count, 0) : null,
    }
  }

  private embedBatch(batch: readonly string[]): Promise<Embeddings> {
    const body = withExtra({ model: this.endpoint.model, input: batch, encoding_format: 'float' }, this.endpoint.extraBody)
    return this.caller.call({
      request: () => ({ url: joinUrl(this.endpoint.baseUrl, 'embeddings'), headers: this.headers, body: JSON.stringify(body) }),
      read: async (response) => {
        const { data, usage } = parseChunk(AnswerSchema, await readText(response))
        const vectors = batch.map((_, index) => this.checked(data.find((entry) => entry.index === index)?.embedding))
        return { vectors, tokensIn: usage?.prompt_tokens ?? null }
      },
    })
  }

  private checked(embedding: number[] | undefined): Float32Array {
    if (embedding === undefined) throw new EndpointFault('passing', 'the endpoint answered fewer embeddings than texts')
    this.dimensions ??= embedding.length
    if (embedding.length !== this.dimensions || embedding.length === 0) {
      throw new RunFailure('endpoint_failed', `the endpoint answered an embedding of ${embedding.length} numbers after one of ${this.dimensions}`)
    }
    return Float32Array.from(embedding)
  }
}
