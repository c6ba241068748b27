/* Entry of a conversion: flags in, one line of JSON out. 0: done · 2: cannot be done as asked, with the reason on stderr · 1: broken. */
import { parseArgs } from 'node:util'
import { convert } from './conversion.js'
import { EngineError } from './engine/engine-error.js'
import { findPlaces } from './places.js'
import { RunFailure } from './run-context.js'

const options = { format: { type: 'string' }, dtype: { type: 'string' }, model: { type: 'string' }, adapter: { type: 'string' }, out: { type: 'string' } } as const

try {
  const { format = '', dtype, model, adapter, out = '' } = parseArgs({ options }).values
  const conversion = await convert({ format, dtype, model, adapter, out, modelRoots: findPlaces().modelRoots })
  process.stdout.write(`${JSON.stringify(conversion)}\n`)
} catch (error) {
  const isExpected = error instanceof EngineError || error instanceof RunFailure
  process.stderr.write(`${isExpected ? error.message : error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = isExpected ? 2 : 1
}
