/* A short script says whether the answer is right: true or false, a score, or { pass, score, reason }. */
import { z } from 'zod'
import { compileScript } from '../../../experiments/answer-script/script.js'
import type { Assertion } from '../../../server/contracts/index.js'
import { holds, textValue, type Check } from './check.js'

const VerdictSchema = z.object({ pass: z.boolean(), score: z.number(), reason: z.string().default('') })

/** A number passes from `threshold` on, or above 0. A script that throws, or gives anything else, fails the answer, as in promptfoo. */
export function javascript(assertion: Assertion): Check {
  const script = compileScript(textValue(assertion))
  const { threshold, not } = assertion
  return ({ value, scored }) => {
    let result: unknown
    try {
      result = script(value, varsOf(scored.item))
    } catch (error) {
      return { pass: false, score: 0, reason: `the script failed: ${error instanceof Error ? error.message : String(error)}` }
    }
    if (typeof result === 'boolean') return holds(result !== not)
    if (typeof result === 'number') return { pass: (threshold === undefined ? result > 0 : result >= threshold) !== not, score: result }
    const verdict = VerdictSchema.safeParse(result)
    if (!verdict.success) return { pass: false, score: 0, reason: `the script gave ${JSON.stringify(result) ?? 'nothing'}, which is neither true, false, a number nor { pass, score, reason }` }
    return { ...verdict.data, pass: verdict.data.pass !== not }
  }
}

/** Variables that bear the names of an item's own fields stand in `vars`. */
export function varsOf(item: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const own = item['vars']
  return { ...item, ...(typeof own === 'object' && own !== null ? own : {}) }
}
