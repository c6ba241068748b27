/* What of another tool's config is not taken over: told by file, line and key, with what to do about it. */
import { AppError, type Problem } from '../../server/contracts/index.js'

export interface LeftOut {
  file: string
  line: number | undefined
  key: string
  /** What it is, and what becomes of the rest without it. */
  what: string
  mend: string
}

/** Where a thing stands. */
export type Place = Pick<LeftOut, 'file' | 'line' | 'key'>

export class Findings {
  /** Has no counterpart here; the rest can run without it. */
  readonly leftOut: LeftOut[] = []
  /** Wrongly written, so that nothing can run. */
  readonly broken: LeftOut[] = []
  readonly notes = new Set<string>()

  leaveOut(node: Place, what: string, mend: string): void {
    this.add(this.leftOut, node, { what, mend })
  }

  refuse(node: Place, what: string, mend: string): void {
    this.add(this.broken, node, { what, mend })
  }

  note(text: string): void {
    this.notes.add(text)
  }

  /** @throws AppError with every finding, where anything is broken, or left out against the user's will */
  assertRunnable({ skipUnsupported }: { skipUnsupported: boolean }): void {
    const told = [...this.broken, ...(skipUnsupported ? [] : this.leftOut)]
    const [first] = told
    if (first === undefined) return
    const hint = this.broken.length > 0 ? '' : ' --skip-unsupported runs the rest, and lists what it left out.'
    const problems = told.map((found): Problem => ({ path: placeOf(found), message: `${found.what}; ${found.mend}` }))
    throw new AppError('invalid_request', `Nothing was imported: ${told.length === 1 ? 'one thing of the config has' : `${told.length} things of the config have`} no counterpart here.${hint}`, { problems })
  }

  /** The same thing in every item of a default is one finding. */
  private add(list: LeftOut[], node: Place, { what, mend }: { what: string; mend: string }): void {
    const found = { file: node.file, line: node.line, key: node.key, what, mend }
    if (!list.some((other) => placeOf(other) === placeOf(found) && other.what === what)) list.push(found)
  }
}

export function placeOf({ file, line, key }: Place): string {
  return `${file}${line === undefined ? '' : `:${line}`}${key === '' ? '' : ` ${key}`}`
}
