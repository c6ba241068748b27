/* Providers of promptfoo as models of Bancada. Keys are never read: the worker's environment has them. */
import type { Embedder, Endpoint, ModelRef, OpenAiEndpoint, OwnDecoding, Price } from '../../../server/contracts/index.js'
import { EndpointSchema } from '../../../server/contracts/index.js'
import type { ConfigNode } from './config-node.js'
import type { Findings } from '../findings.js'
import { httpEndpointOf } from './http-provider.js'

export type Env = Readonly<Record<string, string | undefined>>

export interface Provider {
  /** As promptfoo calls it: its label, else its id. */
  name: string
  id: string
  model: ModelRef
  /** Labels or ids of the prompts that it is asked; undefined: all. */
  prompts: string[] | undefined
}

interface Compatible {
  baseUrl: string
  /** Variable that may name another address. */
  urlEnv?: string
  keyEnv: string | null
}

/** Servers that speak OpenAI's chat completions, by promptfoo's prefix. */
const COMPATIBLE: Readonly<Record<string, Compatible>> = {
  openai: { baseUrl: 'https://api.openai.com/v1', urlEnv: 'OPENAI_BASE_URL', keyEnv: 'OPENAI_API_KEY' },
  openrouter: { baseUrl: 'https://openrouter.ai/api/v1', keyEnv: 'OPENROUTER_API_KEY' },
  groq: { baseUrl: 'https://api.groq.com/openai/v1', keyEnv: 'GROQ_API_KEY' },
  togetherai: { baseUrl: 'https://api.together.xyz/v1', keyEnv: 'TOGETHER_API_KEY' },
  deepseek: { baseUrl: 'https://api.deepseek.com/v1', keyEnv: 'DEEPSEEK_API_KEY' },
  mistral: { baseUrl: 'https://api.mistral.ai/v1', keyEnv: 'MISTRAL_API_KEY' },
  xai: { baseUrl: 'https://api.x.ai/v1', keyEnv: 'XAI_API_KEY' },
  fireworks: { baseUrl: 'https://api.fireworks.ai/inference/v1', keyEnv: 'FIREWORKS_API_KEY' },
  perplexity: { baseUrl: 'https://api.perplexity.ai', keyEnv: 'PERPLEXITY_API_KEY' },
  cerebras: { baseUrl: 'https://api.cerebras.ai/v1', keyEnv: 'CEREBRAS_API_KEY' },
  github: { baseUrl: 'https://models.github.ai/inference', keyEnv: 'GITHUB_TOKEN' },
  huggingface: { baseUrl: 'https://router.huggingface.co/v1', keyEnv: 'HF_TOKEN' },
  ollama: { baseUrl: 'http://localhost:11434/v1', urlEnv: 'OLLAMA_BASE_URL', keyEnv: null },
  localai: { baseUrl: 'http://localhost:8080/v1', urlEnv: 'LOCALAI_BASE_URL', keyEnv: null },
  llamafile: { baseUrl: 'http://localhost:8080/v1', urlEnv: 'LLAMAFILE_BASE_URL', keyEnv: null },
}
const KNOWN = `${Object.keys(COMPATIBLE).join(', ')}, anthropic and google`

/** Fields of a config that become settings of the model, by promptfoo's names. */
const SETTINGS: Readonly<Record<string, keyof OwnDecoding>> = {
  temperature: 'temperature', top_p: 'topP', topP: 'topP', top_k: 'topK', topK: 'topK', max_tokens: 'maxTokens', max_completion_tokens: 'maxTokens', maxOutputTokens: 'maxTokens', max_output_tokens: 'maxTokens', num_predict: 'maxTokens', stop: 'stop', stop_sequences: 'stop', stopSequences: 'stop',
}
/** Sent on as they are. */
const PASSED_ON = new Set(['seed', 'presence_penalty', 'frequency_penalty', 'repetition_penalty', 'min_p', 'logit_bias', 'response_format', 'reasoning_effort', 'reasoning', 'thinking', 'service_tier', 'user', 'verbosity', 'num_ctx', 'keep_alive', 'format', 'safetySettings', 'provider'])
/** About the connection, read elsewhere or without meaning here. */
const CONNECTION = new Set(['apiKey', 'apiKeyEnvar', 'apiKeyRequired', 'apiHost', 'apiBaseUrl', 'cost', 'inputCost', 'outputCost', 'passthrough', 'extra_body', 'generationConfig', 'stream', 'omitDefaults', 'maxRetries', 'showThinking'])

/** OpenAI's models that refuse temperature; promptfoo does not send it to them. */
const REASONING = /^(?:o\d|gpt-5)/

/** Null where it has no counterpart, which is then among the findings. */
export function readProvider(node: ConfigNode, { env, findings }: { env: Env; findings: Findings }): Provider | null {
  const id = node.text ?? node.get('id').text ?? node.keys()[0]
  if (id === undefined || id === '') {
    findings.refuse(node, 'a provider needs an id', 'write for example openai:chat:gpt-4.1-mini')
    return null
  }
  // The form `{openai:chat:NAME: {config}}`.
  const options = node.isFields && !node.get('id').isThere ? node.get(id) : node
  for (const key of ['transform', 'inputs', 'delay', 'env'] as const) {
    if (options.get(key).isThere && key !== 'delay') findings.leaveOut(options.get(key), `${key} of a provider`, key === 'transform' ? 'move it to options.transform of the tests' : 'write the values where they are used')
  }
  const model = modelOf(id, options, { env, findings })
  if (model === null) return null
  const label = options.get('label').text
  const prompts = options.get('prompts')
  const named = typeof model === 'string' || model.provider === 'recorded' || label === undefined ? model : { ...model, label: label.slice(0, 80) }
  return { name: label ?? id, id, model: named, prompts: prompts.isThere ? prompts.items().flatMap(({ text }) => text ?? []) : undefined }
}

export function modelOf(id: string, options: ConfigNode, { env, findings }: { env: Env; findings: Findings }): Endpoint | null {
  const [prefix = '', ...rest] = id.split(':')
  const config = options.get('config')
  const refuse = (what: string, mend: string): null => {
    findings.leaveOut(options, what, mend)
    return null
  }
  if (id === 'echo') return checked({ provider: 'echo', model: 'echo' }, options, findings)
  if (/^https?$/.test(prefix)) {
    const request = httpEndpointOf(id, options, findings)
    return request === null ? null : checked(request, options, findings)
  }
  if (/^(?:file|python|exec|webhook|ws|wss|package|golang|browser|mcp|echo)$/.test(prefix)) return refuse(`the provider ${id} is code of your own`, 'name a model here, or try the config with --model nano-pt-en')
  if (prefix === 'anthropic') {
    const name = rest[0] === 'messages' ? rest.slice(1).join(':') : rest.join(':')
    if (name === '' || rest[0] === 'completion' || rest[0] === 'claude-agent-sdk') return refuse(`the provider ${id} is not that of Anthropic's Messages`, 'write anthropic:messages:MODEL')
    return checked({ provider: 'anthropic', model: name, ...addressOf(config, { baseUrl: 'https://api.anthropic.com/v1', keyEnv: 'ANTHROPIC_API_KEY' }, { env, suffix: '/v1', findings }), ...settingsOf(config, findings) }, options, findings)
  }
  if (prefix === 'google' || prefix === 'palm') {
    if (rest[0] === 'live' || rest[0] === 'image') return refuse(`the provider ${id} is not that of generateContent`, 'write google:MODEL')
    return checked({ provider: 'gemini', model: rest.join(':'), ...addressOf(config, { baseUrl: 'https://generativelanguage.googleapis.com/v1beta', keyEnv: 'GEMINI_API_KEY' }, { env, suffix: '/v1beta', findings }), ...settingsOf(config, findings) }, options, findings)
  }
  const compatible = Object.hasOwn(COMPATIBLE, prefix) ? COMPATIBLE[prefix] : undefined
  if (compatible === undefined) return refuse(`the provider ${id} is not spoken here`, `there are ${KNOWN}; most other servers have an address for OpenAI's chat completions, which is written as openai:chat:MODEL with config.apiBaseUrl`)
  if (prefix === 'huggingface' && rest[0] !== 'chat') return refuse(`the provider ${id} is not that of chat completions`, 'write huggingface:chat:MODEL')
  const kind = /^(?:chat|completion|completions)$/.test(rest[0] ?? '') ? rest[0] : undefined
  if (/^(?:responses|assistant|realtime|image|video|transcription|speech|tts|moderation|embedding|embeddings|codex-sdk|codex|chatkit|agents)$/.test(rest[0] ?? '') && kind === undefined) return refuse(`the provider ${id} is not that of chat completions`, `write ${prefix}:chat:MODEL`)
  const model = (kind === undefined ? rest : rest.slice(1)).join(':')
  const isCompletion = (kind === 'completion' || kind === 'completions' || /^(?:davinci|babbage|gpt-3\.5-turbo-instruct)/.test(model)) && prefix !== 'ollama'
  if (prefix === 'ollama') findings.note('Ollama is asked by its address for OpenAI’s chat completions.')
  const { extraBody, ...settings } = settingsOf(config, findings)
  const extra = REASONING.test(model) && settings.decoding?.temperature === undefined ? { temperature: null, ...extraBody } : extraBody
  return checked({ provider: 'openai', model, ...(isCompletion ? { api: 'completions' } : {}), ...addressOf(config, compatible, { env, suffix: '/v1', findings }), ...settings, ...(extra === undefined ? {} : { extraBody: extra }) }, options, findings)
}

/** Models that answer with vectors, for `similar`. */
export function embedderOf(id: string, options: ConfigNode, { env, findings }: { env: Env; findings: Findings }): Embedder | null {
  if (id === 'use-lite-en') return id
  const match = /^(openai|ollama|mistral|localai|togetherai):embeddings?:(.+)$/.exec(id)
  return besideOf(match, options, { env, findings, refusal: [`the embedding provider ${id} is not spoken here`, 'write openai:embedding:MODEL, with config.apiBaseUrl where it is another server, or give --embedder use-lite-en'] })
}

/** Endpoints that flag texts, for `moderation`. */
export function moderatorOf(id: string, options: ConfigNode, { env, findings }: { env: Env; findings: Findings }): OpenAiEndpoint | null {
  const match = /^(openai|localai):moderation(?::(.+))?$/.exec(id)
  return besideOf(match, options, { env, findings, refusal: [`the moderation provider ${id} is not spoken here`, 'write openai:moderation:MODEL, with config.apiBaseUrl where it is another server with /v1/moderations'], model: 'omni-moderation-latest' })
}

interface BesideOptions {
  env: Env
  findings: Findings
  /** What is told where the id was not matched: what is wrong, and the mend. */
  refusal: readonly [what: string, mend: string]
  /** Where the id names none. */
  model?: string
}

/** An endpoint in OpenAI's form that is asked beside the model, of an id that was matched as its server and its model. */
function besideOf(match: RegExpExecArray | null, options: ConfigNode, { env, findings, refusal: [what, mend], model = '' }: BesideOptions): OpenAiEndpoint | null {
  const compatible = COMPATIBLE[match?.[1] ?? '']
  if (match === null || compatible === undefined) {
    findings.leaveOut(options, what, mend)
    return null
  }
  const endpoint = checked({ provider: 'openai', model: match[2] ?? model, ...addressOf(options.get('config'), compatible, { env, suffix: '/v1', findings }) }, options, findings)
  return endpoint?.provider === 'openai' ? endpoint : null
}

function checked(value: Record<string, unknown>, node: ConfigNode, findings: Findings): Endpoint | null {
  const parsed = EndpointSchema.safeParse(value)
  if (parsed.success) return { ...value, provider: parsed.data.provider } as Endpoint
  const [issue] = parsed.error.issues
  findings.refuse(node, `${issue?.path.join('.') ?? ''} of the provider: ${issue?.message ?? 'wrong'}`, 'correct it')
  return null
}

/** Where it is, and which variable of the worker holds its key. */
function addressOf(config: ConfigNode, known: Compatible, { env, suffix, findings }: { env: Env; suffix: string; findings: Findings }): { baseUrl: string; apiKeyEnv: string | null } {
  const host = config.get('apiHost').text
  const byHost = host === undefined ? undefined : /^https?:/.test(host) ? host : `https://${host}`
  const inEnv = known.urlEnv === undefined ? undefined : env[known.urlEnv]
  const given = config.get('apiBaseUrl').text ?? (byHost === undefined ? undefined : byHost + suffix) ?? inEnv
  const own = given?.replace(/\{\{\s*env\.(\w+)\s*\}\}/g, (_, name: string) => env[name] ?? '')
  // Ollama's own variable names the server alone.
  const baseUrl = own === undefined ? known.baseUrl : known.urlEnv === 'OLLAMA_BASE_URL' && !own.includes('/v1') ? `${own.replace(/\/+$/, '')}/v1` : own
  const literal = config.get('apiKey').text
  const inTemplate = literal === undefined ? undefined : /^\{\{\s*env\.(\w+)\s*\}\}$/.exec(literal)?.[1]
  const keyEnv = config.get('apiKeyRequired').value === false ? null : (config.get('apiKeyEnvar').text ?? inTemplate ?? known.keyEnv)
  if (literal !== undefined && inTemplate === undefined) findings.note(`The key in ${config.file} was not taken over: set ${keyEnv ?? 'a variable'} where the worker is started.`)
  return { baseUrl, apiKeyEnv: keyEnv }
}

function settingsOf(config: ConfigNode, findings: Findings): { decoding?: OwnDecoding; extraBody?: Record<string, unknown>; price?: Price } {
  const decoding: Record<string, unknown> = {}
  const extraBody: Record<string, unknown> = {}
  const take = (node: ConfigNode): void => {
    for (const key of node.keys()) {
      const field = node.get(key)
      const setting = SETTINGS[key]
      if (!field.isThere || CONNECTION.has(key)) continue
      if (setting !== undefined) decoding[setting] = setting === 'stop' ? field.items().map(({ value }) => value) : field.value
      else if (PASSED_ON.has(key)) extraBody[key] = field.value
      else findings.leaveOut(field, `${key} of a provider's config`, /tool|function/.test(key) ? 'calls of tools are not made here' : 'if the endpoint takes it, move it into config.passthrough')
    }
  }
  take(config)
  take(config.get('generationConfig'))
  for (const key of ['passthrough', 'extra_body']) if (config.get(key).isFields) Object.assign(extraBody, config.get(key).value)
  const [input, output] = [config.get('inputCost').number ?? config.get('cost').number, config.get('outputCost').number ?? config.get('cost').number]
  return {
    ...(Object.keys(decoding).length === 0 ? {} : { decoding }),
    ...(Object.keys(extraBody).length === 0 ? {} : { extraBody }),
    // promptfoo counts dollars per token.
    ...(input === undefined && output === undefined ? {} : { price: { ...(input === undefined ? {} : { inputPerMillion: input * 1e6 }), ...(output === undefined ? {} : { outputPerMillion: output * 1e6 }) } }),
  }
}
