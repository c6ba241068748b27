/* Short scripts about answers, as promptfoo writes its javascript assertions and transforms. Read, never run as code. */
import { ScriptParser } from './parser.js'

export { ScriptFailed } from './members.js'
export { UnknownScript } from './tokens.js'

/** @param vars the variables of the test, as `context.vars`. Throws whatever the script throws. */
export type AnswerScript = (output: unknown, vars: Readonly<Record<string, unknown>>) => unknown

/** @throws {UnknownScript} naming what of it is not known here */
export function compileScript(source: string): AnswerScript {
  const program = new ScriptParser(source.trim()).program()
  return (output, vars) => program({ output, response: output, context: { vars }, vars })
}
