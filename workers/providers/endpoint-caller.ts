/*
 * Calls one endpoint until it answers: each try passes the gate and has a deadline; what passes is tried
 * again with growing pauses, as long as the endpoint asks; what is left is told in the endpoint's words.
 */
import type { IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { RunFailure } from '../run-context.js'
import { backoffMs, describeFault } from '../server-client.js'
import { CallFailed, PromptRefused } from './chat-model.js'
import { EndpointFault, faultOfStatus } from './endpoint-fault.js'
import type { Gate, Outcome } from './gate.js'
import { DeadlinePassed, Post, readText, type PostOptions } from './http-post.js'

export interface CallerOptions {
  gate: Gate
  /** Deadline of one try, from the first byte sent to the last one read. */
  timeoutMs: number
  signal?: AbortSignal
  onRetry?: (message: string) => void
  /** Tries of one call, the first included; those that the endpoint turned away with 429 are not counted. */
  mostTries?: number
  firstPauseMs?: number
}

export interface Sending extends PostOptions {
  url: string
}

/** One call: what is sent, and how what comes back is read. */
export interface Exchange<T> {
  /** Asked for anew at each try. */
  request(): Sending
  /** Makes the answer of a response's body, within the deadline. `startedAt`: performance.now() when it was sent. */
  read(response: IncomingMessage, startedAt: number): Promise<T>
  /** Changes the request when a refusal names a field of it; it is then sent again at once. */
  adapt?(refusal: string): boolean
  /** The whole address is the user's: there is no usual one to advise. */
  isOwnAddress?: boolean
}

const MOST_TRIES = 6
const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 20_000
/** An endpoint that asks for a longer wait is not going to be ready within a run. */
const LONGEST_RETRY_AFTER_MS = 120_000
/** A call that was turned away for this long is given up. */
const LONGEST_THROTTLE_MS = 900_000
/** So many calls given up in a row, none answered between: the endpoint is gone. */
const MOST_FAILURES_IN_A_ROW = 16

export class EndpointCaller {
  private readonly options: CallerOptions
  private readonly secrets: readonly string[]
  /** Some call was answered whole: a later refusal is about its prompt. */
  private hasAnswered = false
  /** Some call was answered with a success status, whole or not: address and key are right. */
  private hasSpoken = false
  private failuresInARow = 0

  /** @param secrets what was sent that no message may hold */
  constructor(options: CallerOptions, secrets: readonly string[]) {
    this.options = options
    this.secrets = secrets.flatMap((secret) => [secret, encodeURIComponent(secret), new URLSearchParams([['', secret]]).toString().slice(1)])
  }

  /** @throws {PromptRefused | CallFailed} one call's end. @throws {RunFailure} `endpoint_failed`: every call's end. */
  async call<T>(exchange: Exchange<T>): Promise<T & { tries: number }> {
    const { mostTries = MOST_TRIES, firstPauseMs = FIRST_PAUSE_MS, signal, onRetry } = this.options
    let [counted, throttledMs] = [0, 0]
    for (let tries = 1; ; tries += 1) {
      const fault = await this.tryOnce(exchange, tries > 1)
      if (!(fault instanceof EndpointFault)) return { ...fault, tries }
      signal?.throwIfAborted()
      if (!fault.isThrottle) counted += 1
      const pauseMs = Math.max(fault.retryAfterMs ?? 0, backoffMs(tries - 1, firstPauseMs, LONGEST_PAUSE_MS))
      throttledMs += pauseMs
      const isOver = fault.kind !== 'passing' || counted >= mostTries || pauseMs > LONGEST_RETRY_AFTER_MS || throttledMs > LONGEST_THROTTLE_MS
      if (isOver) throw this.endOf(fault, { tries, pauseMs })
      onRetry?.(`${fault.message}; try ${tries + 1} in ${(pauseMs / 1000).toFixed(1)} s`)
      await sleep(pauseMs, undefined, { signal })
    }
  }

  /** @param isAgain a call that waited before goes ahead of new ones */
  private async tryOnce<T>(exchange: Exchange<T>, isAgain: boolean): Promise<T | EndpointFault> {
    const { gate, signal, timeoutMs } = this.options
    const permit = await gate.enter({ first: isAgain, signal })
    let outcome: Outcome = { kind: 'failed', retryAfterMs: null }
    const current: { post: Post | null } = { post: null }
    const end = (reason: Error): void => current.post?.abort(reason)
    const timer = setTimeout(() => end(new DeadlinePassed(`no answer within ${timeoutMs} ms`)), timeoutMs)
    const onAbort = (): void => end(signal?.reason as Error)
    signal?.addEventListener('abort', onAbort)
    try {
      const answer = await this.send(exchange, current)
      outcome = { kind: 'answered', retryAfterMs: null }
      this.hasAnswered = true
      this.failuresInARow = 0
      return answer
    } catch (error) {
      signal?.throwIfAborted()
      if (!isFaultOfCall(error)) throw error
      const fault = this.toFault(error, exchange.request().url)
      outcome = { kind: fault.isThrottle ? 'throttled' : fault.isOverload ? 'overloaded' : 'failed', retryAfterMs: fault.retryAfterMs }
      return fault
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      permit.leave(outcome)
    }
  }

  private async send<T>(exchange: Exchange<T>, current: { post: Post | null }): Promise<T> {
    for (;;) {
      const startedAt = performance.now()
      const { url, ...sent } = exchange.request()
      current.post = new Post(url, sent)
      const response = await current.post.response
      const status = response.statusCode ?? 0
      if (status >= 200 && status < 300) {
        this.hasSpoken = true
        return await exchange.read(response, startedAt)
      }
      const refusal = await readText(response)
      if ((status === 400 || status === 422) && exchange.adapt?.(refusal) === true) continue
      const header = (name: string): string | undefined => [response.headers[name]].flat()[0]
      throw faultOfStatus({ status, header, isOwnAddress: exchange.isOwnAddress }, refusal, url)
    }
  }

  /** How a call ends whose last try ended with this fault. */
  private endOf(fault: EndpointFault, { tries, pauseMs }: { tries: number; pauseMs: number }): Error {
    const message = tries === 1 ? fault.message : `${fault.message} (after ${tries} tries)`
    if (fault.kind === 'prompt' || (fault.kind === 'refused' && this.hasAnswered)) return new PromptRefused(fault.message, { cause: fault })
    if (fault.kind !== 'passing') return new RunFailure('endpoint_failed', message, { cause: fault })
    if (pauseMs > LONGEST_RETRY_AFTER_MS) return new RunFailure('endpoint_failed', `${message}; it asks to wait ${Math.round(pauseMs / 1000)} s, retry the run then`, { cause: fault })
    this.failuresInARow += 1
    if (!this.hasSpoken) return new RunFailure('endpoint_failed', message, { cause: fault })
    if (this.failuresInARow >= MOST_FAILURES_IN_A_ROW) {
      return new RunFailure('endpoint_failed', `${this.failuresInARow} calls in a row were given up; the last one: ${message}. What was answered is kept; retry the run when the endpoint is well`, { cause: fault })
    }
    return new CallFailed(message, { partial: fault.partial, tries, cause: fault })
  }

  /** No message that leaves here may hold a key, whoever put it there. */
  private toFault(error: unknown, url: string): EndpointFault {
    const fault = error instanceof EndpointFault && !(error.cause instanceof DeadlinePassed) ? error : this.faultOfTransport(error, url)
    if (!this.secrets.some((secret) => fault.message.includes(secret))) return fault
    const { retryAfterMs, status, partial } = fault
    return new EndpointFault(fault.kind, this.secrets.reduce((message, secret) => message.replaceAll(secret, '[key]'), fault.message), { retryAfterMs, status: status ?? undefined, partial: partial ?? undefined })
  }

  private faultOfTransport(error: unknown, url: string): EndpointFault {
    const [cause, partial] = error instanceof EndpointFault ? [error.cause, error.partial ?? undefined] : [error, undefined]
    const message = cause instanceof DeadlinePassed ? `${url} did not answer within ${this.options.timeoutMs / 1000} s; raise timeoutSeconds if it is only slow` : `${url} cannot be reached (${describeFault(cause)})`
    return new EndpointFault('passing', message, { cause, partial })
  }
}

/** A fault of the endpoint or of the way to it (which has a code); anything else is the run's end. */
function isFaultOfCall(error: unknown): boolean {
  return error instanceof EndpointFault || (error instanceof Error && !(error instanceof RunFailure) && typeof (error as NodeJS.ErrnoException).code === 'string')
}
