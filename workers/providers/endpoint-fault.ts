/* What an endpoint's failure means: try again, give up on this prompt, or give up on the run. */

export type FaultKind = 'passing' | 'prompt' | 'fatal'

/** A failed call, in the endpoint's own words. */
export class EndpointFault extends Error {
  readonly kind: FaultKind
  /** How long the endpoint asks to wait. */
  readonly retryAfterMs: number | null
  readonly status: number | null

  constructor(kind: FaultKind, message: string, options: { retryAfterMs?: number | null; status?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.name = 'EndpointFault'
    this.kind = kind
    this.retryAfterMs = options.retryAfterMs ?? null
    this.status = options.status ?? null
  }
}

const PASSING_STATUS = new Set([408, 409, 425, 429])
const TOO_LONG = /context.?(length|window|size)|maximum context|too (long|many tokens)|exceeds?.{0,40}tokens/i
/** Out of money is told with 429 too, but waiting does not mend it. */
const OUT_OF_QUOTA = /insufficient_quota|billing|credit balance/i

/** @param url of the request, named because a wrong base URL is the commonest fault. */
export function faultOfStatus(response: { status: number; headers: Headers }, body: string, url: string): EndpointFault {
  const { status } = response
  const message = `${url} answered ${status}: ${messageInBody(body)}${adviceFor(status, url)}`
  if (status === 400 || status === 413 || status === 422) {
    return new EndpointFault(TOO_LONG.test(body) ? 'prompt' : 'fatal', message, { status })
  }
  const isPassing = (status >= 500 && status !== 501) || (PASSING_STATUS.has(status) && !OUT_OF_QUOTA.test(body))
  return new EndpointFault(isPassing ? 'passing' : 'fatal', message, { status, retryAfterMs: retryAfterMs(response.headers) })
}

/** OpenAI's `{error: {message}}`, Ollama's `{error: "…"}`, FastAPI's `{detail}`, or the text itself. */
export function messageInBody(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body)
    for (const found of [field(field(parsed, 'error'), 'message'), field(parsed, 'error'), field(parsed, 'message'), field(parsed, 'detail')]) {
      if (typeof found === 'string') return found
      if (typeof found === 'object' && found !== null) return JSON.stringify(found).slice(0, 500)
    }
  } catch {
    // Not JSON: shown as it is.
  }
  return body.trim() === '' ? '(no message)' : body.trim().slice(0, 500)
}

/** Seconds or a date (RFC 9110, §10.2.3); some send milliseconds in a header of their own. */
export function retryAfterMs(headers: Headers): number | null {
  const milliseconds = Number(headers.get('retry-after-ms') ?? Number.NaN)
  if (Number.isFinite(milliseconds)) return Math.max(0, milliseconds)
  const value = headers.get('retry-after')
  if (value === null) return null
  const seconds = Number(value)
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : null
}

function adviceFor(status: number, url: string): string {
  if (status === 401 || status === 403) return '. Check the key in the environment variable that apiKeyEnv names'
  if (status !== 404 && status !== 405) return ''
  const hasVersion = /\/v\d+\/chat\/completions$/.test(url)
  return hasVersion ? '. Check the model name and the path of baseUrl' : '. The base URL usually ends in /v1, for example http://127.0.0.1:11434/v1'
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? (value as Record<string, unknown>)[name] : undefined
}
