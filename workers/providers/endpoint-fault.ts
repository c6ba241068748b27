/* What an endpoint's failure means: try again, give up on this prompt, or give up on the run. */

/**
 * passing: the next try may succeed. prompt: this prompt cannot be answered. refused: the request is not
 * understood, which is the prompt's fault only where others were answered. fatal: no call can succeed.
 */
export type FaultKind = 'passing' | 'prompt' | 'refused' | 'fatal'

export interface FaultDetails {
  /** How long the endpoint asks to wait. */
  retryAfterMs?: number | null
  status?: number
  /** What had been written when the answer broke off. */
  partial?: string
  cause?: unknown
}

/** A failed call, in the endpoint's own words. */
export class EndpointFault extends Error {
  readonly kind: FaultKind
  readonly retryAfterMs: number | null
  readonly status: number | null
  readonly partial: string | null

  constructor(kind: FaultKind, message: string, { retryAfterMs = null, status, partial, cause }: FaultDetails = {}) {
    super(message, { cause })
    this.name = 'EndpointFault'
    this.kind = kind
    this.retryAfterMs = retryAfterMs
    this.status = status ?? null
    this.partial = partial ?? null
  }

  /** The endpoint is there, and asks for fewer calls or for a pause. */
  get isThrottle(): boolean {
    return this.kind === 'passing' && (this.status === 429 || this.retryAfterMs !== null)
  }

  get isOverload(): boolean {
    return this.kind === 'passing' && this.status !== null && this.status >= 500
  }
}

type Header = (name: string) => string | undefined

const PASSING_STATUS = new Set([408, 409, 425, 429])
const TOO_LONG = /context.?(length|window|size)|maximum context|too (long|many tokens)|exceeds?.{0,40}tokens/i
const FILTERED = /content.?(filter|policy|management)|safety (system|filter)/i
/** Out of money is told with 429 too, but waiting does not mend it. */
const OUT_OF_QUOTA = /insufficient_quota|billing|credit balance/i

/** @param url of the request, named because a wrong base URL is the commonest fault. */
export function faultOfStatus({ status, header, isOwnAddress = false }: { status: number; header: Header; isOwnAddress?: boolean | undefined }, body: string, url: string): EndpointFault {
  const message = `${url} answered ${status}: ${messageInBody(body)}${adviceFor(status, { url, location: header('location'), isOwnAddress })}`
  if (status === 400 || status === 413 || status === 422) {
    return new EndpointFault(TOO_LONG.test(body) || FILTERED.test(body) ? 'prompt' : 'refused', message, { status })
  }
  const isPassing = (status >= 500 && status !== 501) || (PASSING_STATUS.has(status) && !OUT_OF_QUOTA.test(body))
  return new EndpointFault(isPassing ? 'passing' : 'fatal', message, { status, retryAfterMs: retryAfterMs(header) ?? retryDelayIn(body) })
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
export function retryAfterMs(header: Header): number | null {
  const milliseconds = Number(header('retry-after-ms') ?? Number.NaN)
  if (Number.isFinite(milliseconds)) return Math.max(0, milliseconds)
  const value = header('retry-after')
  if (value === undefined) return null
  const seconds = Number(value)
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : null
}

/** Google's APIs tell the wait in the body (google.rpc.RetryInfo). */
function retryDelayIn(body: string): number | null {
  const seconds = /"retryDelay"\s*:\s*"(\d+(?:\.\d+)?)s"/.exec(body)?.[1]
  return seconds === undefined ? null : Number(seconds) * 1000
}

function adviceFor(status: number, { url, location, isOwnAddress }: { url: string; location: string | undefined; isOwnAddress: boolean }): string {
  if (status >= 300 && status < 400) return `. It sends the caller on to ${location ?? 'another address'}, which is not followed; put the right address in ${isOwnAddress ? 'url' : 'baseUrl'}`
  if (status === 401 || status === 403) return `. Check the key in the environment variable that ${isOwnAddress ? 'the headers name' : 'apiKeyEnv names'}`
  if (status !== 404 && status !== 405) return ''
  if (isOwnAddress) return '. Check url and method'
  const hasVersion = /\/v\d+(beta)?\//.test(url)
  return hasVersion ? '. Check the model name and the path of baseUrl' : '. The base URL usually ends in /v1, for example http://127.0.0.1:11434/v1'
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? (value as Record<string, unknown>)[name] : undefined
}
