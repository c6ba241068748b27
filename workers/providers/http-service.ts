/* A service that speaks no protocol of models: asked by a request of templates, its answer found by a short script. */
import type { IncomingMessage } from 'node:http'
import { compileResponseScript, UnknownScript, type ResponseScript } from '../../experiments/answer-script/script.js'
import type { HttpEndpoint } from '../../server/contracts/index.js'
import { RunFailure } from '../run-context.js'
import { timeAlone, type ChatModel, type Completion, type CompletionRequest } from './chat-model.js'
import type { EndpointCaller } from './endpoint-caller.js'
import { EndpointFault } from './endpoint-fault.js'
import { readText } from './http-post.js'
import type { RequestTemplates } from './request-templates.js'

export interface HttpServiceOptions {
  endpoint: HttpEndpoint
  templates: RequestTemplates
  caller: EndpointCaller
  concurrency: number
}

/** @throws {RunFailure} `invalid_params` where `answer` is no script that is known here */
export function openHttpService({ endpoint, templates, caller, concurrency }: HttpServiceOptions): ChatModel {
  const script = scriptOf(endpoint.answer)
  return {
    name: endpoint.model,
    concurrency,
    variables: templates.variables,
    complete: async (request: CompletionRequest) => {
      templates.assertHeeds(request)
      const sending = templates.render(request)
      return caller.call({ request: () => sending, read: (response, startedAt) => readAnswer(response, { startedAt, script, url: sending.url }), isOwnAddress: true })
    },
    scoreContinuations: null,
    continuesText: () => false,
    close: () => Promise.resolve(),
  }
}

function scriptOf(source: string | undefined): ResponseScript {
  if (source === undefined) return (json, text) => json ?? text
  try {
    return compileResponseScript(source)
  } catch (error) {
    if (!(error instanceof UnknownScript)) throw error
    throw new RunFailure('invalid_params', `answer: ${error.message}; write where the answer stands, such as json.choices[0].message.content`, { cause: error })
  }
}

async function readAnswer(response: IncomingMessage, { startedAt, script, url }: { startedAt: number; script: ResponseScript; url: string }): Promise<Omit<Completion, 'tries'>> {
  const text = await readText(response)
  const latencyMs = performance.now() - startedAt
  const json = parseOrNull(text)
  const context = { response: { data: text, status: response.statusCode ?? 0, headers: { ...response.headers } } }
  let value: unknown
  try {
    value = script(json, text, context)
  } catch (cause) {
    throw new EndpointFault('refused', `${url}: answer finds nothing in what came back: ${cause instanceof Error ? cause.message : String(cause)}; it begins ${JSON.stringify(text.slice(0, 200))}`, { cause })
  }
  const { output, usage, finishReason } = partsOf(value, json)
  if (output === undefined || output === null) throw new EndpointFault('refused', `${url}: answer finds nothing in what came back, which begins ${JSON.stringify(text.slice(0, 200))}`)
  const { tries: _tries, ...facts } = timeAlone(latencyMs)
  return { text: typeof output === 'string' ? output : JSON.stringify(output), finishReason, ...facts, ...usage }
}

type Usage = Partial<Pick<Completion, 'tokensIn' | 'tokensOut' | 'tokensCached'>>

/** A script may give `{output, error, tokenUsage, finishReason}`; else its value is the answer, and the service may tell `tokenUsage` itself. */
function partsOf(value: unknown, json: unknown): { output: unknown; usage: Usage; finishReason: string | null } {
  const given = isFields(value) && ('output' in value || 'error' in value) ? value : { output: value }
  const { error, tokenUsage, finishReason } = given as { error?: unknown; tokenUsage?: unknown; finishReason?: unknown }
  if (typeof error === 'string' && error !== '') throw new EndpointFault('prompt', error)
  return { output: given['output'], finishReason: typeof finishReason === 'string' ? finishReason : null, usage: usageIn(tokenUsage ?? (isFields(json) ? json['tokenUsage'] : undefined)) }
}

function usageIn(usage: unknown): Usage {
  if (!isFields(usage)) return {}
  const count = (name: string): number | null => (Number.isInteger(usage[name]) && Number(usage[name]) >= 0 ? Number(usage[name]) : null)
  return { tokensIn: count('prompt'), tokensOut: count('completion'), tokensCached: count('cached') }
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return null // The script may read the text itself.
  }
}
