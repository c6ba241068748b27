/* From a model's entry in the experiment file to something that answers. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Endpoint, OpenAiEndpoint } from '../../server/contracts/index.js'
import { RunFailure } from '../run-context.js'
import { AnthropicMessages } from './anthropic.js'
import type { ChatModel } from './chat-model.js'
import type { Dialect } from './dialect.js'
import { echoModel } from './echo-model.js'
import { EchoLikelihood } from './echo-likelihood.js'
import { EndpointEmbeddings, type EmbeddingModel } from './embeddings.js'
import { EndpointCaller, type CallerOptions } from './endpoint-caller.js'
import { EndpointModel } from './endpoint-model.js'
import type { Gate } from './gate.js'
import { GeminiContent } from './gemini.js'
import { openHttpService } from './http-service.js'
import { OpenAiChat, openAiHeaders } from './openai-chat.js'
import { OpenAiCompletions } from './openai-completions.js'
import { openRecorded } from './recorded.js'
import { RequestTemplates } from './request-templates.js'

export interface OpenEndpointOptions extends Omit<CallerOptions, 'gate'> {
  env: NodeJS.ProcessEnv
  concurrency: number
  /** The gate of an endpoint and key, named by `gateId`. */
  gateFor(gateId: string): Gate
  /** Where recordings lie. */
  recordingsFolder: string
}

/** @throws {RunFailure} `key_missing` when the named environment variable is not set. */
export async function openEndpoint(endpoint: Endpoint, options: OpenEndpointOptions): Promise<ChatModel> {
  if (endpoint.provider === 'echo') return echoModel(endpoint.model, options.concurrency)
  if (endpoint.provider === 'recorded') {
    const source = endpoint.record === undefined ? null : await openEndpoint(endpoint.record, options)
    return openRecorded({ model: endpoint.model, path: join(options.recordingsFolder, endpoint.file), source })
  }
  if (endpoint.provider === 'http') {
    const templates = new RequestTemplates(endpoint, options.env)
    return openHttpService({ endpoint, templates, caller: callerAt(templates.origin, templates.secrets, options), concurrency: options.concurrency })
  }
  const key = readKey(endpoint, options.env)
  const caller = callerOf(endpoint, key, options)
  const dialect = dialectOf(endpoint)
  const echo = endpoint.provider === 'openai' && endpoint.api === 'completions' ? new EchoLikelihood(endpoint, caller, dialect.headers(key)) : null
  return new EndpointModel({
    name: endpoint.model,
    dialect,
    caller,
    key,
    concurrency: options.concurrency,
    continuesText: dialect instanceof OpenAiCompletions,
    scoreContinuations: echo === null ? null : (request) => echo.score(request),
  })
}

/** @throws {RunFailure} `key_missing` */
export function openEmbeddings(endpoint: OpenAiEndpoint, options: OpenEndpointOptions): EmbeddingModel {
  const key = readKey(endpoint, options.env)
  return new EndpointEmbeddings(endpoint, { caller: callerOf(endpoint, key, options), headers: openAiHeaders(key), concurrency: options.concurrency })
}

/** For what is neither a chat nor an embedding. @throws {RunFailure} `key_missing` */
export function openRaw(endpoint: OpenAiEndpoint, options: OpenEndpointOptions): { caller: EndpointCaller; headers: Record<string, string> } {
  const key = readKey(endpoint, options.env)
  return { caller: callerOf(endpoint, key, options), headers: openAiHeaders(key) }
}

type RemoteEndpoint = Exclude<Endpoint, { provider: 'recorded' | 'echo' | 'http' }>

function dialectOf(endpoint: RemoteEndpoint): Dialect {
  switch (endpoint.provider) {
    case 'openai':
      return endpoint.api === 'completions' ? new OpenAiCompletions(endpoint) : new OpenAiChat(endpoint)
    case 'anthropic':
      return new AnthropicMessages(endpoint)
    case 'gemini':
      return new GeminiContent(endpoint)
  }
}

function callerOf({ baseUrl }: RemoteEndpoint, key: string | null, options: OpenEndpointOptions): EndpointCaller {
  return callerAt(new URL(baseUrl).origin, key === null ? [] : [key], options)
}

function callerAt(origin: string, secrets: readonly string[], { gateFor, ...options }: OpenEndpointOptions): EndpointCaller {
  return new EndpointCaller({ ...options, gate: gateFor(gateId(origin, secrets)) }, secrets)
}

/** One limit holds for an address and a key, whatever the model. The key cannot be told from its digest. */
function gateId(origin: string, secrets: readonly string[]): string {
  return createHash('sha256').update(`${origin}\n${secrets.join('\n')}`).digest('hex').slice(0, 32)
}

function readKey({ apiKeyEnv }: RemoteEndpoint, env: NodeJS.ProcessEnv): string | null {
  if (apiKeyEnv === undefined || apiKeyEnv === null) return null
  const key = env[apiKeyEnv]?.trim()
  if (key !== undefined && key !== '') return key
  throw new RunFailure('key_missing', `apiKeyEnv names ${apiKeyEnv}, and this worker has no such environment variable; set ${apiKeyEnv} where the worker is started, or set apiKeyEnv to null where the endpoint needs no key`)
}
