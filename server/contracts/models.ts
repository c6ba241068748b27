import { z } from 'zod'

/** How the experiment file names a model, and what its answers cost. */

const usd = z.number().nonnegative().optional()

const priceFields = {
  inputPerMillion: usd,
  outputPerMillion: usd,
  cachedPerMillion: usd.describe('prompt tokens that the endpoint had in its cache; left out: as inputPerMillion'),
  reasoningPerMillion: usd.describe('left out: as outputPerMillion'),
  perHour: usd.describe('for local models: what an hour of the machine costs'),
  perGpuSecond: usd.describe('for local models: what a second of the GPU costs'),
}

type PriceFields = { [Name in keyof typeof priceFields]?: number | undefined }

/** A price is per token, per hour or per GPU second, never two of them. */
function isOneWay({ perHour, perGpuSecond, inputPerMillion, outputPerMillion, cachedPerMillion, reasoningPerMillion }: PriceFields): boolean {
  const perToken = [inputPerMillion, outputPerMillion, cachedPerMillion, reasoningPerMillion].find((price) => price !== undefined)
  return [perHour, perGpuSecond, perToken].filter((price) => price !== undefined).length <= 1
}
const ONE_WAY = 'a price is per token, per hour or per GPU second: give one of them'

/** US dollars, per million tokens of a kind or by time. A price that is not known is left out, never 0. */
export const PriceSchema = z.strictObject(priceFields).refine(isOneWay, ONE_WAY)
export type Price = z.infer<typeof PriceSchema>

const day = z.iso.date('a day such as 2026-01-31')

/** One row of prices.yaml. */
export const PriceRowSchema = z
  .strictObject({
    model: z.string().min(1).describe('its name; * stands for any letters'),
    provider: z.enum(['openai', 'anthropic', 'gemini', 'http', 'recorded', 'local']).optional().describe('left out: any'),
    baseUrl: z.url({ protocol: /^https?$/ }).optional().describe('left out: any'),
    from: day.optional().describe('first day (UTC) of this price; left out: always'),
    until: day.optional().describe('first day on which it no longer holds; left out: open'),
    ...priceFields,
  })
  .refine(isOneWay, ONE_WAY)
  .refine(({ from, until }) => from === undefined || until === undefined || from < until, 'from must be before until')
export type PriceRow = z.infer<typeof PriceRowSchema>

const address = z.url({ protocol: /^https?$/ })
const variable = z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable of the worker, never the key itself').nullable()
/** Settings of one model, for experiments that compare models each with its own. */
const OwnDecodingSchema = z.strictObject({
  temperature: z.number().min(0).max(5).optional(),
  topK: z.number().int().positive().optional(),
  topP: z.number().gt(0).max(1).optional(),
  maxTokens: z.number().int().min(1).max(32_768).optional(),
  stop: z.array(z.string().min(1)).max(16).optional(),
})
export type OwnDecoding = z.infer<typeof OwnDecodingSchema>

const remote = {
  model: z.string().min(1),
  label: z.string().trim().min(1).max(80).optional().describe('what runs of it are called; left out: the model'),
  decoding: OwnDecodingSchema.optional().describe('settings of this model alone, which win over those of the run'),
  price: PriceSchema.optional(),
  extraBody: z.record(z.string(), z.unknown()).optional().describe('further fields of the request, as the endpoint names them; null takes one of ours out'),
}

export const OpenAiEndpointSchema = z.strictObject({
  provider: z.literal('openai'),
  baseUrl: address.describe('for example http://127.0.0.1:11434/v1'),
  api: z.enum(['chat', 'completions']).default('chat').describe('completions: plain text, with log-likelihoods where the server echoes'),
  apiKeyEnv: variable.optional(),
  ...remote,
})
export type OpenAiEndpoint = z.infer<typeof OpenAiEndpointSchema>

export const AnthropicEndpointSchema = z.strictObject({
  provider: z.literal('anthropic'),
  baseUrl: address.default('https://api.anthropic.com/v1'),
  apiKeyEnv: variable.default('ANTHROPIC_API_KEY'),
  ...remote,
})
export type AnthropicEndpoint = z.infer<typeof AnthropicEndpointSchema>

export const GeminiEndpointSchema = z.strictObject({
  provider: z.literal('gemini'),
  baseUrl: address.default('https://generativelanguage.googleapis.com/v1beta'),
  apiKeyEnv: variable.default('GEMINI_API_KEY'),
  ...remote,
})
export type GeminiEndpoint = z.infer<typeof GeminiEndpointSchema>

/** Headers and parameters in which services take their keys. */
const HOLDS_KEY = /authorization|^cookie$|token$|secret|passw|api-?_?key|^key$/i
const READS_ENVIRONMENT = /\{\{-?\s*env\.[A-Z]/
const keyed = z.record(z.string().min(1), z.string()).superRefine((fields, context) => {
  for (const [name, value] of Object.entries(fields)) {
    if (HOLDS_KEY.test(name) && value !== '' && !READS_ENVIRONMENT.test(value)) context.addIssue({ code: 'custom', path: [name], message: 'holds a key, which does not belong in the file: set it in the environment of the worker and write {{ env.NAME }} in its place' })
  }
})

/** A service that speaks no protocol of models: its request is made of templates, and its answer is found by a short script. */
export const HttpEndpointSchema = z.strictObject({
  provider: z.literal('http'),
  model: remote.model.describe('what runs of it are called'),
  url: z
    .string()
    .regex(/^(?:https?:\/\/(?![^/?#]*@)[^/?#]|\{\{-?\s*env\.[A-Z])/, 'an address such as http://127.0.0.1:8080/ask, without a name and password in it; {{ env.NAME }} may stand in its beginning')
    .describe('a template'),
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).optional().describe('left out: POST where there is a body, else GET'),
  headers: keyed.default({}).describe('templates'),
  query: keyed.default({}).describe('templates of what follows the ? of the address'),
  body: z.union([z.string(), z.array(z.unknown()), z.record(z.string(), z.unknown())]).optional().describe('a template, or JSON whose texts are templates; one that renders to a JSON object or list is sent as that'),
  answer: z.string().min(1).optional().describe('a short script over json, text and context.response that gives the answer, such as json.choices[0].message.content; left out: the whole of what came back'),
  label: remote.label,
  decoding: remote.decoding,
  price: remote.price,
})
export type HttpEndpoint = z.infer<typeof HttpEndpointSchema>

/** Replies from a file of earlier ones; with `record`, what the file lacks is asked there and added. */
export const RecordedEndpointSchema = z.strictObject({
  provider: z.literal('recorded'),
  file: z.string().regex(/^[A-Za-z0-9][\w.-]*\.jsonl$/, 'the name of a .jsonl file in recordings/ under BANCADA_HOME'),
  model: z.string().min(1),
  record: z.discriminatedUnion('provider', [OpenAiEndpointSchema, AnthropicEndpointSchema, GeminiEndpointSchema]).optional(),
  price: PriceSchema.optional(),
})

/** No model: what is asked comes back. For outputs that stand in the items, and for trying prompts and scorers out. */
export const EchoEndpointSchema = z.strictObject({
  provider: z.literal('echo'),
  model: z.string().min(1).default('echo'),
  label: remote.label,
  price: PriceSchema.default({ perHour: 0 }).describe('nothing, unless you say otherwise'),
})

/** A model behind an endpoint, or what stands in its place. */
export const EndpointSchema = z.discriminatedUnion('provider', [OpenAiEndpointSchema, AnthropicEndpointSchema, GeminiEndpointSchema, HttpEndpointSchema, RecordedEndpointSchema, EchoEndpointSchema])
export type Endpoint = z.infer<typeof EndpointSchema>

/**
 * A local model is named by its folder or its GGUF file in models/; a fine-tuned one by `run:ID` (its
 * picked, else its best checkpoint) or `run:ID@STEP`.
 */
export const ModelSchema = z.union([z.string().min(1), EndpointSchema])
export type ModelRef = z.infer<typeof ModelSchema>
