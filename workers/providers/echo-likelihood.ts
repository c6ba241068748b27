/*
 * How likely given texts are, told by a completions endpoint that repeats the prompt with the log-probability
 * of each token (echo and logprobs). Many servers take the fields and leave the prompt out of the answer, so
 * every score would be that of something else: each answer is checked, and a known pair is scored first.
 */
import { z } from 'zod'
import type { OpenAiEndpoint } from '../../server/contracts/index.js'
import { RunFailure } from '../run-context.js'
import type { ContinuationRequest, LabelScores } from './chat-model.js'
import { joinUrl, withExtra } from './dialect.js'
import type { EndpointCaller } from './endpoint-caller.js'
import { EndpointFault } from './endpoint-fault.js'
import { readText } from './http-post.js'
import { parseChunk, UsageSchema } from './openai-chat.js'
import { plainText } from './openai-completions.js'

const LogprobsSchema = z.object({ tokens: z.array(z.string()), token_logprobs: z.array(z.number().nullable()), text_offset: z.array(z.number().int()), top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).nullish() })
const EchoSchema = z.object({
  choices: z.array(z.object({ index: z.number().int().default(0), text: z.string(), logprobs: LogprobsSchema.nullish() })),
  usage: UsageSchema.nullish(),
})
type Choice = z.infer<typeof EchoSchema>['choices'][number]

/** Any language model worth asking finds the first continuation more likely: it has just read it twice. */
const KNOWN = { prompt: 'one two three four. one two three four. one two three', likely: ' four', unlikely: ' qxz' }

export class EchoLikelihood {
  private readonly endpoint: OpenAiEndpoint
  private readonly caller: EndpointCaller
  private readonly headers: Record<string, string>
  private verified: Promise<void> | null = null

  constructor(endpoint: OpenAiEndpoint, caller: EndpointCaller, headers: Record<string, string>) {
    this.endpoint = endpoint
    this.caller = caller
    this.headers = headers
  }

  /** @throws {RunFailure} `likelihood_unsupported` when the endpoint's scores cannot be trusted. */
  async score({ messages, continuations, rolling }: ContinuationRequest): Promise<LabelScores> {
    this.verified ??= this.verify()
    await this.verified
    return this.scoreTexts(rolling === true ? null : plainText(messages), continuations)
  }

  private async verify(): Promise<void> {
    const { prompt, likely, unlikely } = KNOWN
    const { logLikelihoods: [high = Number.NaN, low = Number.NaN] } = await this.scoreTexts(prompt, [likely, unlikely])
    if (high > low && high <= 0) return
    throw unsupported(`finds "${likely}" after "${prompt}" no more likely (${high} nats) than "${unlikely}" (${low})`)
  }

  /** @param given null: the texts stand alone, and what their first token follows is not known */
  private scoreTexts(given: string | null, continuations: readonly string[]): Promise<LabelScores> {
    const context = given ?? ''
    // Tokenizers put a space at the start of a word, so it belongs to what follows.
    const prompt = context.trimEnd()
    const texts = continuations.map((continuation) => context.slice(prompt.length) + continuation)
    const body = { model: this.endpoint.model, prompt: texts.map((text) => prompt + text), max_tokens: 1, temperature: 0, echo: true, logprobs: 1 }
    return this.caller.call({
      request: () => ({ url: joinUrl(this.endpoint.baseUrl, 'completions'), headers: this.headers, body: JSON.stringify(withExtra(body, this.endpoint.extraBody)) }),
      read: async (response, startedAt) => {
        const { choices, usage } = parseChunk(EchoSchema, await readText(response))
        const scores = texts.map((text, index) => scoreOf(choices.find((choice) => choice.index === index), given === null ? null : prompt, text))
        return {
          logLikelihoods: scores.map(({ sum }) => sum),
          labelTokens: scores.map(({ tokens }) => tokens),
          greedy: scores.some(({ isGreedy }) => isGreedy === null) ? null : scores.map(({ isGreedy }) => isGreedy === true),
          tokensIn: usage?.prompt_tokens ?? null,
          tokensOut: usage?.completion_tokens ?? null,
          tokensCached: usage?.prompt_tokens_details?.cached_tokens ?? null,
          tokensReasoning: null,
          ttftMs: null,
          latencyMs: performance.now() - startedAt,
        }
      },
    })
  }
}

/** Sums over the tokens that reach beyond the prompt; what was generated after the text is left out. Offsets count code points. */
function scoreOf(choice: Choice | undefined, given: string | null, text: string): { sum: number; tokens: number; isGreedy: boolean | null } {
  const prompt = given ?? ''
  if (choice === undefined) throw new EndpointFault('fatal', unsupported('answers fewer choices than prompts').message)
  const { logprobs } = choice
  if (!logprobs) throw unsupported('answers without logprobs')
  if (!choice.text.startsWith(prompt + text)) throw unsupported('does not repeat the prompt (echo), so its logprobs are those of other text')
  const { tokens, token_logprobs: values, text_offset: offsets, top_logprobs: best } = logprobs
  if (values.length !== tokens.length || offsets.length !== tokens.length || values[0] !== null) throw unsupported('answers logprobs that are not those of the prompt')
  const from = lengthOf(prompt)
  const to = from + lengthOf(text)
  let [sum, count] = [0, 0]
  let isGreedy: boolean | null = best == null ? null : true
  for (const [index, offset] of offsets.entries()) {
    const end = offsets[index + 1] ?? lengthOf(choice.text)
    if (end <= from || offset >= to || (index === 0 && given === null)) continue
    const value = values[index] ?? Number.NaN
    sum += value
    count += 1
    const highest = Math.max(...Object.values(best?.[index] ?? {}))
    if (isGreedy !== null) isGreedy = Number.isFinite(highest) ? isGreedy && value >= highest : null
  }
  if (count === 0 || Number.isNaN(sum)) throw unsupported(`has no logprobs for "${text}"`)
  return { sum, tokens: count, isGreedy }
}

function lengthOf(text: string): number {
  return [...text].length
}

function unsupported(why: string): RunFailure {
  return new RunFailure('likelihood_unsupported', `the endpoint ${why}; log-likelihoods from it would be wrong. Set scoring: generate, or name an endpoint that supports echo with logprobs (vLLM does)`)
}
