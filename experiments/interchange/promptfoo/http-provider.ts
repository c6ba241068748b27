/* promptfoo's HTTP provider: its request as templates, and where its answer stands as a short script. */
import { compileResponseScript, UnknownScript } from '../../answer-script/script.js'
import type { Findings } from '../findings.js'
import type { ConfigNode } from './config-node.js'
import { toJinja, Untranslatable } from './nunjucks.js'

const READ = new Set(['url', 'method', 'headers', 'body', 'queryParams', 'transformResponse', 'responseParser', 'auth', 'validateStatus', 'maxRetries', 'stateful'])
const MENDS: Readonly<Record<string, string>> = {
  request: 'write url, method, headers and body in its place',
  transformRequest: 'write what it makes of the prompt into body',
  session: 'sessions are not kept between calls; ask a service that needs none',
  sessionParser: 'sessions are not kept between calls; take it out',
  multipart: 'send the prompt as JSON or text in body',
  tools: 'calls of tools are not made here',
  tokenEstimation: 'tokens that the service does not tell are unknown here; take it out',
}
const FORM = 'application/x-www-form-urlencoded'

/** As it is written in an experiment; null where it has no counterpart. */
export function httpEndpointOf(id: string, options: ConfigNode, findings: Findings): Record<string, unknown> | null {
  const config = options.get('config')
  for (const key of config.keys()) if (!READ.has(key) && config.get(key).isThere) findings.leaveOut(config.get(key), `${key} of an HTTP provider`, MENDS[key] ?? 'it has no counterpart; take it out')
  try {
    const url = config.get('url').text ?? id
    const method = (config.get('method').text ?? 'GET').toUpperCase()
    const { headers, query } = authorized(config)
    const body = method === 'GET' ? undefined : bodyOf(config.get('body'), headers)
    assertStatus(config.get('validateStatus'))
    const answer = answerOf([config.get('transformResponse'), config.get('responseParser')].find(({ isThere }) => isThere))
    const request = { url: jinja(url), method, ...filled('headers', mapped(headers)), ...filled('query', mapped(query)), ...(body === undefined ? {} : { body: textsIn(body, jinja) }) }
    if (body === undefined && config.get('body').isThere) findings.note(`The request of ${id} is GET, which sends no body${config.get('method').isThere ? '' : ': promptfoo asks so where no method is named; write method: POST to send it'}.`)
    else if (!/\{\{[^}]*\bprompt\b/.test(JSON.stringify(request))) findings.note(`The request of ${id} does not read the prompt.`)
    for (const [, name] of JSON.stringify(request).matchAll(/\benv\.([A-Z]\w*)/g)) findings.note(`The request of ${id} reads ${name} of the worker's environment: set it where the worker is started.`)
    return { provider: 'http', model: url.replace(/^https?:\/\//, '').slice(0, 80), ...request, ...(answer === undefined ? {} : { answer }) }
  } catch (error) {
    if (!(error instanceof Untranslatable)) throw error
    findings.leaveOut(options, `the provider ${id}: ${error.message}`, 'write it otherwise, or try the config with --model nano-pt-en')
    return null
  }
}

const jinja = (source: string): string => toJinja(source, { isRequest: true }).template
const filled = (name: string, fields: Record<string, string>): Record<string, unknown> => (Object.keys(fields).length === 0 ? {} : { [name]: fields })
const mapped = (fields: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(fields).map(([name, source]) => [name, jinja(source)]))

/** Every text in a value of JSON. */
export function textsIn(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((part: unknown) => textsIn(part, change))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, textsIn(part, change)]))
}

function fieldsOf(node: ConfigNode): Record<string, string> {
  return Object.fromEntries(node.keys().map((key) => [key, String(node.get(key).value)]))
}

/** Headers and parameters with what `auth` adds to them. */
function authorized(config: ConfigNode): { headers: Record<string, string>; query: Record<string, string> } {
  const headers = Object.fromEntries(Object.entries(fieldsOf(config.get('headers'))).map(([name, value]) => [name.toLowerCase(), value]))
  const query = fieldsOf(config.get('queryParams'))
  const auth = config.get('auth')
  if (!auth.isThere) return { headers, query }
  const [type, token, name, value] = ['type', 'token', 'keyName', 'value'].map((key) => auth.get(key).text ?? '')
  if (type === 'bearer') headers['authorization'] = `Bearer ${token ?? ''}`
  else if (type === 'api_key' && name !== undefined && name !== '') (auth.get('placement').text === 'query' ? query : headers)[auth.get('placement').text === 'query' ? name : name.toLowerCase()] = value ?? ''
  else throw new Untranslatable(`its auth is of the type ${type ?? ''}; bearer and api_key are known here`)
  return { headers, query }
}

/** A text that is to be JSON is taken for what it will be; its kind is told as promptfoo tells it. */
function bodyOf(node: ConfigNode, headers: Record<string, string>): unknown {
  if (!node.isThere) return undefined
  const file = node.fileName
  const value: unknown = file === undefined ? node.value : /\.(?:json|ya?ml)$/.test(file) ? node.folder.document(file).value : node.folder.text(file)
  const isJson = headers['content-type']?.includes('application/json') === true
  if (typeof value !== 'string') {
    if (headers['content-type'] !== undefined && !isJson) throw new Untranslatable('its body is JSON, but its content-type says otherwise')
    return value
  }
  if (!isJson) {
    headers['content-type'] ??= FORM
    return value.trim()
  }
  try {
    return JSON.parse(value) as unknown
  } catch {
    return value // JSON only once it is rendered.
  }
}

/** Whatever is not 2xx is an error here. */
function assertStatus(node: ConfigNode): void {
  if (!node.isThere) return
  const source = String(node.value).trim().replace(/^\(?\s*status\s*\)?\s*=>\s*/, '').replaceAll(/[\s()]/g, '')
  if (source !== 'status>=200&&status<300' && source !== 'status===200' && source !== 'status==200') throw new Untranslatable(`its validateStatus is ${String(node.value)}; an answer with another status than 2xx is an error here`)
}

function answerOf(node: ConfigNode | undefined): string | undefined {
  if (node === undefined) return undefined
  const source = String(node.value).trim()
  if (source.startsWith('file://')) throw new Untranslatable(`its ${node.key.split('.').at(-1) ?? ''} ${source} is a program`)
  try {
    compileResponseScript(source)
    return source
  } catch (error) {
    if (error instanceof UnknownScript) throw new Untranslatable(error.message)
    throw error
  }
}
