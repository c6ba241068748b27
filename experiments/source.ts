import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { AppError, type Problem } from '../server/contracts/index.js'

export type Path = readonly (string | number)[]

/** A parsed file: its value, and the line on which each part of it stands. */
export interface Source {
  value: unknown
  /** Line of the key or list entry that a path ends on; of the nearest part that exists when it does not. */
  lineOf: (path: Path) => number | undefined
}

const MAX_CHARACTERS = 200_000
const MAX_ALIASES = 100

/** A path as people write it: axes.rank[2]. */
export function pathText(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

interface Reading {
  /** What the file is, for messages. */
  what: string
  maxCharacters: number
  /** Whether `<<` takes the keys of another mapping in, as YAML 1.1 does. */
  merge: boolean
}
const EXPERIMENT_FILE: Reading = { what: 'the experiment file', maxCharacters: MAX_CHARACTERS, merge: false }

function refuse(format: string, problem: Omit<Problem, 'path'>, what = EXPERIMENT_FILE.what): never {
  const where = problem.line === undefined ? '' : ` on line ${problem.line}`
  throw new AppError('invalid_spec', `${what} is not valid ${format}${where}: ${problem.message}`, { problems: [{ path: '', ...problem }] })
}

function parseTree(text: string, lineCounter: LineCounter, { what, merge }: Reading) {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, merge })
  } catch (error) {
    if (error instanceof RangeError) return refuse('YAML', { message: 'it is nested too deeply' }, what)
    throw error
  }
}

function toValue(tree: ReturnType<typeof parseDocument>, what: string): unknown {
  try {
    return tree.toJS({ maxAliasCount: MAX_ALIASES })
  } catch (error) {
    // The library's two reasons: aliases that would multiply without bound, and an alias to nothing.
    if (error instanceof ReferenceError) return refuse('YAML', { message: `${error.message}: at most ${MAX_ALIASES} values may come from aliases` }, what)
    if (error instanceof RangeError) return refuse('YAML', { message: 'it is nested too deeply' }, what)
    throw error
  }
}

/** Reads YAML, or JSON as the subset of YAML that it is, and keeps where everything stands. Throws AppError invalid_spec with line and column. */
export function readSource(text: string, format: 'yaml' | 'json', reading: Reading = EXPERIMENT_FILE): Source {
  const name = format.toUpperCase()
  const { what, maxCharacters } = reading
  if (text.length > maxCharacters) refuse(name, { message: `it has ${text.length} characters; at most ${maxCharacters} are read` }, what)
  // What no decoder could read stands as U+FFFD by now: guessing on would store other words than were written.
  const garbled = text.indexOf('\uFFFD')
  if (garbled !== -1) refuse(name, { message: 'a character is not UTF-8; save the file as UTF-8', line: text.slice(0, garbled).split('\n').length }, what)
  const lines = new LineCounter()
  const tree = parseTree(text, lines, reading)
  const broken = tree.errors[0] ?? tree.warnings[0]
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0])
    refuse(name, { message: `${explain(broken.code, broken.message)} (column ${col})`, line }, what)
  }
  const value = toValue(tree, what)
  const flaw = flawIn(value)
  if (flaw !== undefined) refuse(name, { message: flaw }, what)
  const lineAt = (node: Node | null | undefined): number | undefined => (node?.range ? lines.linePos(node.range[0]).line : undefined)
  return {
    value,
    lineOf: (path) => {
      let node: unknown = tree.contents
      let line = lineAt(tree.contents)
      for (const part of path) {
        if (isAlias(node)) node = node.resolve(tree)
        const next = childOf(node, part)
        if (!next) break
        node = next.value
        line = lineAt(next.anchor) ?? line
      }
      return line
    },
  }
}

/** What a parsed value may hold and nothing here can store: itself, a NUL, half of a surrogate pair. */
function flawIn(value: unknown, above: readonly object[] = []): string | undefined {
  if (typeof value === 'string') return value.includes('\0') ? 'a text holds the character NUL; take it out' : value.isWellFormed() ? undefined : 'a text holds half of a character (a lone surrogate); write the whole character'
  if (typeof value !== 'object' || value === null) return undefined
  if (above.includes(value)) return 'an alias holds itself; write the value out'
  const inner = Object.entries(value).flatMap((entry): unknown[] => entry)
  return inner.map((part) => flawIn(part, [...above, value])).find((flaw) => flaw !== undefined)
}

function explain(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'the same key stands twice in one mapping'
  if (code === 'MULTIPLE_DOCS') return 'it holds several documents; one file is one experiment'
  return message.startsWith('Maximum call stack') ? 'it is nested too deeply' : message
}

/** The node under a key or index, and the node whose line names it: the key itself in a mapping. */
function childOf(node: unknown, part: string | number): { value: unknown; anchor: Node | null } | undefined {
  if (isMap(node)) {
    const pair = node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part))
    return pair && isScalar(pair.key) ? { value: pair.value, anchor: pair.key } : undefined
  }
  if (isSeq(node) && typeof part === 'number') {
    const item = node.items[part]
    return item === undefined ? undefined : { value: item, anchor: item as Node }
  }
  return undefined
}
