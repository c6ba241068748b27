/*
 * Models behind an OpenAI-compatible endpoint: chat/completions, streamed, so that the time to the first
 * token is measured. Passing faults are retried with growing pauses; what is left is told in the endpoint's words.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import type { Endpoint } from '../../server/contracts/index.js'
import { RunFailure } from '../run-context.js'
import { backoffMs, describeFault } from '../server-client.js'
import { PromptRefused, type ChatModel, type Completion, type CompletionRequest } from './chat-model.js'
import { EndpointFault, faultOfStatus, messageInBody } from './endpoint-fault.js'
import { readEventData } from './server-sent-events.js'

export interface OpenAiOptions {
  endpoint: Endpoint
  env: NodeJS.ProcessEnv
  concurrency: number
  /** Deadline of one try. */
  timeoutMs: number
  signal?: AbortSignal
  onRetry?: (message: string) => void
  /** Tries of one call, the first included. */
  mostTries?: number
  firstPauseMs?: number
}

const MOST_TRIES = 6
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 20_000
/** An endpoint that asks for a longer wait is not going to be ready within a run. */
const LONGEST_RETRY_AFTER_MS = 120_000

const ChunkSchema = z.object({
  choices: z
    .array(
      z.object({
        delta: z.object({ content: z.string().nullish(), reasoning_content: z.string().nullish() }).nullish(),
        message: z.object({ content: z.string().nullish() }).nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .default([]),
  usage: z.object({ prompt_tokens: z.number().int().nullish(), completion_tokens: z.number().int().nullish() }).nullish(),
  error: z.unknown().optional(),
})
type Chunk = z.infer<typeof ChunkSchema>

/** @throws {RunFailure} `key_missing` when the named environment variable is not set. */
export function openEndpoint(options: OpenAiOptions): ChatModel {
  return new OpenAiModel(options, readKey(options.endpoint, options.env))
}

function readKey({ apiKeyEnv }: Endpoint, env: NodeJS.ProcessEnv): string | null {
  if (apiKeyEnv === undefined) return null
  const key = env[apiKeyEnv]?.trim()
  if (key !== undefined && key !== '') return key
  throw new RunFailure('key_missing', `apiKeyEnv names ${apiKeyEnv}, and this worker has no such environment variable; set ${apiKeyEnv} where the worker is started, or leave apiKeyEnv out if the endpoint needs no key`)
}

class OpenAiModel implements ChatModel {
  readonly name: string
  readonly concurrency: number
  /** Chat endpoints tell no likelihood of a text that they did not write. */
  readonly scoreContinuations = null
  private readonly options: OpenAiOptions
  private readonly key: string | null
  private readonly url: string
  /** Fields this endpoint has refused by name; they are not sent again. */
  private readonly refusedFields = new Set<'stream_options' | 'max_tokens'>()

  constructor(options: OpenAiOptions, key: string | null) {
    this.options = options
    this.key = key
    this.name = options.endpoint.model
    this.concurrency = options.concurrency
    this.url = `${options.endpoint.baseUrl.replace(/\/+$/, '')}/chat/completions`
  }

  async complete(request: CompletionRequest): Promise<Completion> {
    const { mostTries = MOST_TRIES, firstPauseMs = FIRST_PAUSE_MS, signal, onRetry } = this.options
    for (let tries = 1; ; tries += 1) {
      try {
        return { ...(await this.completeOnce(request)), tries }
      } catch (error) {
        signal?.throwIfAborted()
        const fault = this.toFault(error)
        if (fault.kind === 'prompt') throw new PromptRefused(fault.message, { cause: fault })
        const pauseMs = Math.max(fault.retryAfterMs ?? 0, backoffMs(tries - 1, firstPauseMs, LONGEST_PAUSE_MS))
        const isHopeless = fault.kind === 'fatal' || pauseMs > LONGEST_RETRY_AFTER_MS
        if (isHopeless || tries >= mostTries) throw new RunFailure('endpoint_failed', tries === 1 ? fault.message : `${fault.message} (after ${tries} tries)`, { cause: fault })
        onRetry?.(`${fault.message}; try ${tries + 1} of ${mostTries} in ${(pauseMs / 1000).toFixed(1)} s`)
        await sleep(pauseMs, undefined, { signal })
      }
    }
  }

  async close(): Promise<void> {
    // Nothing is held open between calls.
  }

  private async completeOnce(request: CompletionRequest): Promise<Omit<Completion, 'tries'>> {
    const startedAt = performance.now()
    const deadline = AbortSignal.timeout(this.options.timeoutMs)
    const signal = this.options.signal === undefined ? deadline : AbortSignal.any([this.options.signal, deadline])
    const response = await this.post(request, signal)
    const answer = new Answer(startedAt)
    const isStream = response.headers.get('content-type')?.includes('text/event-stream') ?? false
    if (isStream && response.body !== null) await readStream(response.body, answer)
    else answer.addWhole(await response.text())
    return answer.finish()
  }

  /** A field that the endpoint refuses by name is left out from then on, and the call is made again. */
  private async post(request: CompletionRequest, signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'text/event-stream' }
    if (this.key !== null) headers['authorization'] = `Bearer ${this.key}`
    const response = await fetch(this.url, { method: 'POST', headers, body: JSON.stringify(this.bodyOf(request)), signal })
    if (response.ok) return response
    const body = await response.text()
    const refused = response.status === 400 || response.status === 422 ? this.fieldRefusedIn(body) : null
    if (refused === null) throw faultOfStatus(response, body, this.url)
    this.refusedFields.add(refused)
    return this.post(request, signal)
  }

  private fieldRefusedIn(body: string): 'stream_options' | 'max_tokens' | null {
    if (body.includes('stream_options') && !this.refusedFields.has('stream_options')) return 'stream_options'
    // The reasoning models of OpenAI want max_completion_tokens in its place, and say so.
    if (body.includes('max_completion_tokens') && !this.refusedFields.has('max_tokens')) return 'max_tokens'
    return null
  }

  private bodyOf(request: CompletionRequest): Record<string, unknown> {
    const { system, prompt, maxTokens, temperature, topK, topP, stop, seed } = request
    return {
      model: this.options.endpoint.model,
      messages: [...(system === null ? [] : [{ role: 'system', content: system }]), { role: 'user', content: prompt }],
      [this.refusedFields.has('max_tokens') ? 'max_completion_tokens' : 'max_tokens']: maxTokens,
      temperature,
      ...(topK === undefined ? {} : { top_k: topK }),
      ...(topP === undefined ? {} : { top_p: topP }),
      ...(stop.length === 0 ? {} : { stop }),
      ...(temperature === 0 ? {} : { seed }),
      stream: true,
      ...(this.refusedFields.has('stream_options') ? {} : { stream_options: { include_usage: true } }),
    }
  }

  /** No message that leaves here may hold the key, whoever put it there. */
  private toFault(error: unknown): EndpointFault {
    const fault = error instanceof EndpointFault ? error : this.faultOfFetch(error)
    if (this.key === null || !fault.message.includes(this.key)) return fault
    return new EndpointFault(fault.kind, fault.message.replaceAll(this.key, '[key]'), { retryAfterMs: fault.retryAfterMs })
  }

  private faultOfFetch(error: unknown): EndpointFault {
    if (error instanceof Error && error.name === 'TimeoutError') {
      return new EndpointFault('passing', `${this.url} did not answer within ${this.options.timeoutMs / 1000} s; raise timeoutSeconds if it is only slow`, { cause: error })
    }
    return new EndpointFault('passing', `${this.url} cannot be reached (${describeFault(error)})`, { cause: error })
  }
}

/** One answer as it grows. */
class Answer {
  private readonly startedAt: number
  private text = ''
  private tokensIn: number | null = null
  private tokensOut: number | null = null
  private ttftMs: number | null = null
  private finishReason: string | null = null
  private isDone = false

  constructor(startedAt: number) {
    this.startedAt = startedAt
  }

  addChunk(data: string): void {
    if (data === '[DONE]') {
      this.isDone = true
      return
    }
    const chunk = parseChunk(data)
    const delta = chunk.choices[0]?.delta
    if (this.ttftMs === null && (delta?.content || delta?.reasoning_content)) this.ttftMs = performance.now() - this.startedAt
    this.text += delta?.content ?? ''
    this.takeEnd(chunk)
  }

  /** From an endpoint that answers in one piece though a stream was asked for. */
  addWhole(body: string): void {
    const chunk = parseChunk(body)
    const choice = chunk.choices[0]
    if (choice === undefined) throw new EndpointFault('passing', `the endpoint's answer has no choices: ${body.slice(0, 300)}`)
    this.text = choice.message?.content ?? ''
    this.takeEnd(chunk)
    this.isDone = true
  }

  /** @throws {EndpointFault} when the stream broke off: half an answer is not an answer. */
  finish(): Omit<Completion, 'tries'> {
    if (!this.isDone && this.finishReason === null) {
      throw new EndpointFault('passing', `the endpoint broke off its answer after ${this.text.length} characters`)
    }
    const { text, tokensIn, tokensOut, ttftMs, finishReason } = this
    return { text, tokensIn, tokensOut, ttftMs, finishReason, latencyMs: performance.now() - this.startedAt }
  }

  private takeEnd(chunk: Chunk): void {
    this.finishReason = chunk.choices[0]?.finish_reason ?? this.finishReason
    this.tokensIn = chunk.usage?.prompt_tokens ?? this.tokensIn
    this.tokensOut = chunk.usage?.completion_tokens ?? this.tokensOut
  }
}

async function readStream(body: AsyncIterable<Uint8Array>, answer: Answer): Promise<void> {
  for await (const data of readEventData(body)) answer.addChunk(data)
}

function parseChunk(data: string): Chunk {
  let value: unknown
  try {
    value = JSON.parse(data)
  } catch (cause) {
    throw new EndpointFault('passing', `the endpoint sent what is not JSON: ${data.slice(0, 200)}`, { cause })
  }
  const chunk = ChunkSchema.safeParse(value)
  if (!chunk.success) throw new EndpointFault('fatal', `the endpoint's answer is not that of an OpenAI-compatible chat endpoint (${chunk.error.issues[0]?.path.join('.') ?? ''}): ${data.slice(0, 200)}`)
  if (chunk.data.error !== undefined && chunk.data.error !== null) throw new EndpointFault('passing', `the endpoint failed in its answer: ${messageInBody(data)}`)
  return chunk.data
}
