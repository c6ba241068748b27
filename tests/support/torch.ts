// The reference the goldens were made with, run again where it is installed.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, it } from 'vitest'

const PYTHON = '/usr/bin/python3'
const goldenFolder = fileURLToPath(new URL('../golden/llama/', import.meta.url))

/** A suite skipped by name where the system's Python has no torch. */
export function describeWithTorch(name: string, body: () => void): void {
  const probe = spawnSync(PYTHON, ['-c', 'import importlib.util as u, sys; sys.exit(u.find_spec("torch") is None)'])
  if (probe.status === 0) describe(name, body)
  else describe.skip(`${name} (skipped: ${PYTHON} has no torch)`, body)
}

/** A test of a script that needs no package, skipped by name where there is no such Python. */
export function itWithPython(name: string, body: () => void): void {
  if (existsSync(PYTHON)) it(name, { timeout: 30_000 }, body)
  else it.skip(`${name} (skipped: ${PYTHON} is absent)`, body)
}

/** What a script of tests/golden/llama prints, as JSON. */
export function runGoldenScript(script: string, args: readonly string[]): unknown {
  const { status, stdout, stderr } = spawnSync(PYTHON, ['-B', script, ...args], { cwd: goldenFolder, encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status !== 0) throw new Error(`${script} ended with ${status}: ${stderr}`)
  return JSON.parse(stdout)
}
