// Suites that need an optional package: skipped by name where it is not installed; with REQUIRE_SERVICES=1 they fail instead.

import { describe } from 'vitest'
import { findOptionalPackage, installCommand } from '../../workers/engine/optional-package.js'

export function describeWithPackage(wanted: { name: string; version: string }, name: string, body: () => void): void {
  if (findOptionalPackage(wanted.name) !== null || process.env['REQUIRE_SERVICES'] === '1') describe(name, body)
  else describe.skip(`${name} (skipped: ${wanted.name} is not installed; install it with: ${installCommand(wanted)})`, body)
}
