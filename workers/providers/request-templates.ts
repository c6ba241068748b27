/*
 * The request of a service without a protocol, made of templates: address, parameters, headers and body read the
 * prompt, fields of the item, settings of the call and the worker's environment.
 */
import type { HttpEndpoint } from '../../server/contracts/index.js'
import { RunFailure } from '../run-context.js'
import { PromptTemplate } from '../template.js'
import type { CompletionRequest } from './chat-model.js'
import type { Sending } from './endpoint-caller.js'

/** Names that a request's templates are given besides the item's fields. */
const GIVEN = new Set(['prompt', 'env', 'decoding'])
const SETTINGS = ['temperature', 'topK', 'topP', 'maxTokens', 'stop', 'seed'] as const
const ENVIRONMENT = /^env\.([A-Z][A-Z0-9_]*)$/
/** Of an address, what stands before its path. */
const HEAD = /^(?:https?:\/\/)?(?:\{\{[^}]*\}\}|[^/?#{])*/

type Fields = readonly (readonly [string, PromptTemplate])[]
/** JSON whose texts are templates. */
type Body = PromptTemplate | readonly Body[] | { readonly fields: readonly (readonly [string, Body])[] } | { readonly as: unknown }

export class RequestTemplates {
  /** Fields of the item that it reads. */
  readonly variables: readonly string[]
  /** Scheme and host, which are the same for every item. */
  readonly origin: string
  /** What must be in no message. */
  readonly secrets: readonly string[]
  private readonly url: PromptTemplate
  private readonly query: Fields
  private readonly headers: Fields
  private readonly body: Body | null
  private readonly method: string
  private readonly isText: boolean
  private readonly read: ReadonlySet<string>
  private readonly env: Readonly<Record<string, string>>

  /** @throws {RunFailure} `template_invalid`, `key_missing` for a variable that the environment lacks, `invalid_params` */
  constructor(endpoint: HttpEndpoint, env: NodeJS.ProcessEnv) {
    const { url, query, headers, body, method } = endpoint
    this.url = new PromptTemplate(url, 'url')
    this.query = fieldsOf(query, 'query')
    this.headers = fieldsOf(headers, 'headers')
    this.method = method ?? (body === undefined ? 'GET' : 'POST')
    if (body !== undefined && this.method === 'GET') throw new RunFailure('invalid_params', 'method is GET, which sends no body; take body out, or write method: POST')
    this.body = body === undefined ? null : bodyOf(body, 'body')
    this.isText = typeof body === 'string'
    this.read = new Set([this.url, ...this.query.map(valueOf), ...this.headers.map(valueOf), ...templatesIn(this.body)].flatMap(({ variables }) => variables))
    this.variables = [...new Set([...this.read].map(rootOf))].filter((name) => !GIVEN.has(name))
    this.env = environmentOf(this.read, env)
    this.origin = originOf(url, this.env)
    const inAddress = new Set([...(HEAD.exec(url)?.[0] ?? '').matchAll(/env\.(\w+)/g)].map(([, name]) => name))
    this.secrets = Object.entries(this.env).flatMap(([name, value]) => (inAddress.has(name) ? [] : [value]))
  }

  /** Settings that the service would have to be told of to heed them. @throws {RunFailure} `invalid_params` naming the one it is not told of */
  assertHeeds(settings: Pick<CompletionRequest, 'temperature' | 'topK' | 'topP' | 'stop'>): void {
    const { temperature, topK, topP, stop } = settings
    const readsWhole = this.read.has('decoding') && ![...this.read].some((variable) => variable.startsWith('decoding.'))
    for (const [name, value] of Object.entries({ temperature: temperature === 0 ? undefined : temperature, topK, topP, stop: stop.length === 0 ? undefined : stop })) {
      if (value === undefined || this.read.has(`decoding.${name}`) || readsWhole) continue
      throw new RunFailure('invalid_params', `${name} is ${JSON.stringify(value)}, but the request of this service does not read decoding.${name}, so it would change nothing; write {{ decoding.${name} }} into its body, or leave ${name} out`)
    }
  }

  render(request: CompletionRequest): Sending {
    const item = { id: request.itemId ?? '', ...request.variables }
    const given = { prompt: promptOf(request.messages), env: this.env, decoding: Object.fromEntries(SETTINGS.map((name) => [name, request[name] ?? null])) }
    const render = (template: PromptTemplate): string => template.render(item, given)
    const url = new URL(render(this.url))
    if (url.origin !== this.origin) throw new RunFailure('invalid_params', `url leads to ${url.origin} for item "${item.id}" and to ${this.origin} otherwise; a model is at one host`)
    for (const [name, template] of this.query) url.searchParams.append(name, render(template))
    const headers = Object.fromEntries(this.headers.map(([name, template]) => [name.toLowerCase(), render(template)]))
    if (this.body === null) return { url: url.href, method: this.method, headers }
    const body = this.body instanceof PromptTemplate ? render(this.body) : JSON.stringify(filled(this.body, render))
    return { url: url.href, method: this.method, headers: { 'content-type': this.isText ? 'text/plain; charset=utf-8' : 'application/json', ...headers }, body }
  }
}

/** One message as its text, a conversation as the JSON of its messages. */
function promptOf(messages: CompletionRequest['messages']): string {
  const [only] = messages
  return messages.length === 1 && only !== undefined ? only.content : JSON.stringify(messages)
}

const rootOf = (variable: string): string => variable.split('.')[0] ?? ''
const valueOf = ([, template]: readonly [string, PromptTemplate]): PromptTemplate => template

function fieldsOf(fields: Readonly<Record<string, string>>, name: string): Fields {
  return Object.entries(fields).map(([key, source]) => [key, new PromptTemplate(source, `${name}.${key}`)])
}

function bodyOf(value: unknown, name: string): Body {
  if (typeof value === 'string') return new PromptTemplate(value, name)
  if (Array.isArray(value)) return value.map((part: unknown, index) => bodyOf(part, `${name}[${index}]`))
  if (typeof value !== 'object' || value === null) return { as: value }
  return { fields: Object.entries(value).map(([key, part]: [string, unknown]) => [key, bodyOf(part, `${name}.${key}`)] as const) }
}

function templatesIn(body: Body | null): PromptTemplate[] {
  if (body === null) return []
  if (body instanceof PromptTemplate) return [body]
  if ('fields' in body) return body.fields.flatMap(([, part]) => templatesIn(part))
  return 'as' in body ? [] : body.flatMap(templatesIn)
}

function filled(body: Body, render: (template: PromptTemplate) => string): unknown {
  if (body instanceof PromptTemplate) return jsonIn(render(body))
  if ('fields' in body) return Object.fromEntries(body.fields.map(([key, part]) => [key, filled(part, render)]))
  return 'as' in body ? body.as : body.map((part) => filled(part, render))
}

/** A text that is a JSON object or list stands for it: so a conversation goes where messages are wanted. */
function jsonIn(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** The variables that templates name, and no others. */
function environmentOf(read: ReadonlySet<string>, env: NodeJS.ProcessEnv): Record<string, string> {
  const named = [...read].filter((variable) => variable.startsWith('env.'))
  return Object.fromEntries(
    named.map((variable) => {
      const name = ENVIRONMENT.exec(variable)?.[1]
      if (name === undefined) throw new RunFailure('invalid_params', `a template of the request reads "${variable}"; of the environment variables are read by name, such as {{ env.MY_KEY }}`)
      const value = env[name]?.trim()
      if (value !== undefined && value !== '') return [name, value]
      throw new RunFailure('key_missing', `a template of the request reads env.${name}, and this worker has no such environment variable; set ${name} where the worker is started`)
    }),
  )
}

function originOf(url: string, env: Readonly<Record<string, string>>): string {
  const known = url.replace(/\{\{-?\s*env\.(\w+)\s*-?\}\}/g, (_, name: string) => env[name] ?? '')
  const origin = /^https?:\/\/[^/?#{}@]+(?=[/?#]|\{%|$)/.exec(known)?.[0]
  if (origin === undefined || !URL.canParse(origin)) throw new RunFailure('invalid_params', `url is ${url}, and its host cannot be told from it; write it out, or as {{ env.NAME }}, since a model is at one host`)
  return new URL(origin).origin
}
