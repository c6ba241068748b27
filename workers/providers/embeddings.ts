/* Vectors of texts from an OpenAI-compatible embeddings endpoint. */
import { z } from 'zod'
import type { OpenAiEndpoint } from '../../server/contracts/index.js'
import { RunFailure } from '../run-context.js'
import type { CallFacts } from './chat-model.js'
import { joinUrl, withExtra } from './dialect.js'
import type { EndpointCaller } from './endpoint-caller.js'
import { EndpointFault } from './endpoint-fault.js'
import { readText } from './http-post.js'
import { parseChunk, UsageSchema } from './openai-chat.js'

const AnswerSchema = z.object({ data: z.array(z.object({ index: z.number().int(), embedding: z.array(z.number()) })), usage: UsageSchema.nullish() })

export interface Embeddings extends CallFacts {
  /** One vector per text, in order; all of one length. */
  vectors: Float32Array[]
}

export interface EmbeddingModel {
  readonly name: string
  /** Texts of one call at most. */
  readonly mostTexts: number
  readonly concurrency: number
  /** One call. @throws {PromptRefused | CallFailed} when these texts have no vectors; any other error is the run's end. */
  embed(texts: readonly string[]): Promise<Embeddings>
}

export interface EndpointEmbeddingsOptions {
  caller: EndpointCaller
  headers: Record<string, string>
  concurrency: number
}

export class EndpointEmbeddings implements EmbeddingModel {
  readonly name: string
  /** OpenAI takes 2,048 texts a request, others far fewer. */
  readonly mostTexts = 64
  readonly concurrency: number
  private dimensions: number | null = null

  constructor(
    private readonly endpoint: OpenAiEndpoint,
    private readonly options: EndpointEmbeddingsOptions,
  ) {
    this.name = endpoint.model
    this.concurrency = options.concurrency
  }

  /** @throws as `EndpointCaller.call`; a vector that is missing or of another length than the first is a fault. */
  embed(texts: readonly string[]): Promise<Embeddings> {
    const { caller, headers } = this.options
    const body = JSON.stringify(withExtra({ model: this.endpoint.model, input: texts, encoding_format: 'float' }, this.endpoint.extraBody))
    return caller.call({
      request: () => ({ url: joinUrl(this.endpoint.baseUrl, 'embeddings'), headers, body }),
      read: async (response, startedAt) => {
        const { data, usage } = parseChunk(AnswerSchema, await readText(response))
        const latencyMs = performance.now() - startedAt
        const byIndex = new Map(data.map(({ index, embedding }) => [index, embedding]))
        const vectors = texts.map((_, index) => this.checked(byIndex.get(index)))
        return { vectors, tokensIn: usage?.prompt_tokens ?? null, tokensOut: 0, tokensCached: null, tokensReasoning: null, ttftMs: null, latencyMs }
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
