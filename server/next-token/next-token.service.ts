import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Inject, Injectable } from '@nestjs/common'
import { AppError, NextTokenSchema, type NextToken, type NextTokenRequest } from '../contracts/index.js'
import { SETTINGS, type Settings } from '../settings.js'

/** Each question loads a model, so they stand in line, and the line is short. */
const MOST_WAITING = 4
const TIMEOUT_MS = 60_000

/** Asks a model in a process of its own: the server itself never loads one. */
@Injectable()
export class NextTokenService {
  #line: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  async ask(request: NextTokenRequest): Promise<NextToken> {
    if (this.#waiting >= MOST_WAITING) throw new AppError('unavailable', `${this.#waiting} questions to models are under way; ask again in a moment.`)
    this.#waiting += 1
    const answer = this.#line.then(() => this.#run(request))
    // Whoever comes next waits for the end of this one, however it ends.
    this.#line = answer.catch(() => undefined)
    try {
      return await answer
    } finally {
      this.#waiting -= 1
    }
  }

  async #run({ model, text }: NextTokenRequest): Promise<NextToken> {
    const script = fileURLToPath(new URL('../../workers/next-token.js', import.meta.url))
    const child = spawn(process.execPath, [script, '--model', model], { stdio: ['pipe', 'pipe', 'pipe'], timeout: TIMEOUT_MS, killSignal: 'SIGKILL', env: { ...process.env, BANCADA_HOME: this.settings.home } })
    let [printed, problem] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (piece: string) => (printed += piece))
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (problem += piece))
    // A process that ends before it reads the text tells why on stderr.
    child.stdin.on('error', () => undefined)
    child.stdin.end(text)
    const { code, signal } = await new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => child.on('error', reject).on('close', (ended, by) => resolve({ code: ended, signal: by })))
    if (code === 0) return NextTokenSchema.parse(JSON.parse(printed))
    if (code === 2) throw new AppError('invalid_request', problem.trim())
    if (signal !== null) throw new AppError('unavailable', `The model "${model}" gave no answer within ${TIMEOUT_MS / 1000} s, or there was no memory for it. Try a smaller one or a shorter text.`)
    throw new AppError('internal', `Asking "${model}" failed: ${problem.trim().split('\n')[0] ?? ''}`)
  }
}
