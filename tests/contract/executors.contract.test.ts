// One contract for all executors: the same graphs give the same numbers on every device, within its precision.
import { fork, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { executorCases, writeBase, type Numbers } from '../support/executor-cases.js'
import type { CaseReport } from '../support/executor-child.js'
import { testDevices, type TestDevice } from '../support/executor-devices.js'

const folder = mkdtempSync(join(tmpdir(), 'executors-'))
const expected = new Map<string, Promise<Numbers>>()
const names = Object.keys(executorCases)

/** The CPU's numbers, computed when first asked for. */
function expectedNumbers(name: string): Promise<Numbers> {
  const numbers = expected.get(name) ?? executorCases[name]?.({ device: 'cpu', folder })
  if (numbers === undefined) throw new Error(`there is no case "${name}"`)
  expected.set(name, numbers)
  return numbers
}

beforeAll(() => writeBase(folder))
afterAll(() => rmSync(folder, { recursive: true }))

/** A process that works through the cases on one device, and what it has said so far. */
class DeviceRun {
  readonly #child: ChildProcess
  readonly #reports = new Map<string, CaseReport>()
  readonly #output: string[] = []
  #wake: () => void = () => undefined
  #end: string | null = null

  constructor({ device, env }: TestDevice) {
    const support = (name: string): string => fileURLToPath(new URL(`../support/${name}`, import.meta.url))
    const execArgv = ['--import', support('run-typescript.mjs')]
    this.#child = fork(support('executor-child.ts'), { execArgv, env: { ...process.env, ...env }, serialization: 'advanced', stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (text: Buffer) => this.#output.push(text.toString()))
    this.#child.on('message', (report: CaseReport) => {
      this.#reports.set(report.name, report)
      this.#wake()
    })
    this.#child.on('exit', (code, signal) => {
      this.#end = `ended with ${signal ?? code}`
      this.#wake()
    })
    this.#child.send({ device, folder })
  }

  async numbers(name: string): Promise<Numbers> {
    while (!this.#reports.has(name) && this.#end === null) await new Promise<void>((resolve) => (this.#wake = resolve))
    const report = this.#reports.get(name)
    if (report === undefined) throw new Error(`the process ${this.#end} before this case:\n${this.#output.join('')}`)
    if ('error' in report) throw new Error(report.error)
    return report.numbers
  }

  async close(): Promise<{ code: number | null }> {
    while (this.#end === null) await new Promise<void>((resolve) => (this.#wake = resolve))
    return { code: this.#child.exitCode }
  }
}

/** Whole numbers are exact; of others the largest difference counts, beside the largest number of their list. */
function expectAlike(got: Numbers, wanted: Numbers, tolerance: number): void {
  expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort())
  for (const [name, values] of wanted) {
    const other = got.get(name) ?? []
    expect(other.length, name).toBe(values.length)
    if (values.every(Number.isInteger)) expect(other.map((value) => Math.round(value)), name).toEqual(values)
    const scale = Math.max(...values.map(Math.abs))
    const difference = Math.max(0, ...values.map((value, index) => Math.abs(value - (other[index] ?? NaN))))
    expect(difference, `${name}: off by ${difference} where the largest is ${scale}`).toBeLessThanOrEqual(tolerance * scale)
  }
}

for (const testDevice of testDevices()) {
  const { title, missing, tolerance } = testDevice
  if (missing !== null && process.env['REQUIRE_SERVICES'] !== '1') {
    describe.skip(`${title} (skipped: ${missing})`, () => it.each(names)('%s', () => undefined))
    continue
  }
  describe(`${title}, within ${tolerance} of the CPU's numbers`, () => {
    let run: DeviceRun
    beforeAll(() => {
      run = new DeviceRun(testDevice)
    })

    it.each(names)('%s', async (name) => {
      expectAlike(await run.numbers(name), await expectedNumbers(name), tolerance)
    })

    it('lets its process end by itself', async () => {
      expect(await run.close()).toEqual({ code: 0 })
    })
  })
}
