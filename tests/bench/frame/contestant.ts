/*
 * A process that takes part in a bench: it gets one JSON line per request on its standard input and answers with
 * one JSON line. A process of its own has its own threads, its own memory and its own peak of memory.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'

/** Of the repository; this file runs from dist/tests/bench/frame. */
export const rootFolder = fileURLToPath(new URL('../../../../', import.meta.url))

export class Contestant {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: AsyncIterator<string>
  readonly #reader: Interface
  readonly #name: string
  readonly #ending: Promise<string>

  constructor(command: string, args: readonly string[], env: Record<string, string> = {}) {
    this.#name = [command, ...args].join(' ')
    this.#child = spawn(command, args, { cwd: rootFolder, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#ending = new Promise((resolve) => this.#child.once('close', (code, signal) => resolve(signal === null ? `with code ${code}` : `by ${signal}`)))
    this.#reader = createInterface({ input: this.#child.stdout })
    this.#lines = this.#reader[Symbol.asyncIterator]()
  }

  /** A compiled module of the bench, run by this Node. */
  static node(module: URL, args: readonly string[] = []): Contestant {
    return new Contestant(process.execPath, [fileURLToPath(module), ...args])
  }

  async ask<Answer>(request: object): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`)
    const line = await this.#lines.next()
    if (line.done === true) throw new Error(`${this.#name} ended ${await this.#ending} without an answer to ${JSON.stringify(request)}`)
    return JSON.parse(line.value) as Answer
  }

  /** Most memory the process has held at once, shared file mappings included (Linux: VmHWM), in bytes. */
  peakMemoryBytes(): number {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))
    return Number(line?.[1]) * 1024
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end()
    this.#child.kill('SIGKILL')
    this.#reader.close()
    await this.#ending
  }
}

/** The other side: answers each line of standard input in turn. */
export async function serveRequests<Request>(answer: (request: Request) => Promise<object>): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Request))}\n`)
  }
}
