/* Short scripts about answers, as promptfoo writes its javascript assertions and transforms. Read, never run as code. */
import { ScriptParser } from './parser.js'

export { ScriptFailed } from './members.js'
export { UnknownScript } from './tokens.js'

/** @param vars the variables of the test, as `context.vars`. Throws whatever the script throws. */
export type AnswerScript = (output: unknown, vars: Readonly<Record<string, unknown>>) => unknown

/** What came back from a service: as JSON, null where it is none, and as a text. Throws whatever the script throws. */
export type ResponseScript = (json: unknown, text: string, context: { response: Readonly<Record<string, unknown>> }) => unknown

/** An expression over `json`, `text` and `context`, or an arrow function of them. @throws {UnknownScript} */
export function compileResponseScript(source: string): ResponseScript {
  const program = new ScriptParser(source.trim()).program()
  return (json, text, context) => {
    const value = program({ json, text, context })
    return typeof value === 'function' ? (value as (...given: unknown[]) => unknown)(json, text, context) : value
  }
}

/** @throws {UnknownScript} naming what of it is not known here */
export function compileScript(source: string): AnswerScript {
  const program = new ScriptParser(source.trim()).program()
  return (output, vars) => program({ output, response: output, context: { vars }, vars })
}
