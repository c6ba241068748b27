/*
 * Regular expressions written for Python's re, as evaluation tasks of the field carry them, compiled for JavaScript.
 * What means the same in both is passed on; what can be said in JavaScript is translated; the rest is refused by name.
 */

export class RegexError extends Error {
  constructor(pattern: string, problem: string) {
    super(`the regular expression ${JSON.stringify(pattern)} ${problem}`)
    this.name = 'RegexError'
  }
}

const INLINE_FLAGS = /^\(\?([aiLmsux]+)\)/
const REFUSED: readonly (readonly [RegExp, string])[] = [
  [/\(\?\(/, 'has a conditional group (?(…)…), which JavaScript does not have'],
  [/\(\?>/, 'has an atomic group (?>…), which JavaScript does not have'],
  [/[*+?}]\+/, 'has a possessive quantifier, which JavaScript does not have'],
]

/**
 * A pattern in Python's dialect as a RegExp with the Unicode flag off, as most such patterns escape freely.
 * `flags` are JavaScript's (i, m, s, g); inline flags at the start, (?P<name>…), (?P=name), \A, \Z and (?#…) are translated.
 * @throws {RegexError} where the pattern is broken or has no counterpart
 */
export function compilePythonRegex(pattern: string, flags = ''): RegExp {
  let source = pattern
  const wanted = new Set(flags)
  for (let inline = INLINE_FLAGS.exec(source); inline !== null; inline = INLINE_FLAGS.exec(source)) {
    for (const flag of inline[1] ?? '') {
      if (flag === 'x') throw new RegexError(pattern, 'is verbose, (?x); write it without white space and comments')
      if ('ims'.includes(flag)) wanted.add(flag)
    }
    source = source.slice(inline[0].length)
  }
  const outside = withoutClassesAndEscapes(source)
  for (const [what, problem] of REFUSED) if (what.test(outside)) throw new RegexError(pattern, problem)
  try {
    return new RegExp(translate(source), [...wanted].sort().join(''))
  } catch (cause) {
    throw new RegexError(pattern, `cannot be read: ${cause instanceof Error ? cause.message.replace(/^Invalid regular expression: /, '') : String(cause)}`)
  }
}

/** Escapes and bracket classes are passed over as wholes, so that what looks like syntax inside them stays text. */
const PIECE = /\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\(\?P<|\(\?P=(\w+)\)|\(\?#[^)]*\)|[\s\S]/g

function translate(source: string): string {
  return source.replace(PIECE, (piece, backReference: string | undefined) => {
    if (backReference !== undefined) return `\\k<${backReference}>`
    if (piece === '(?P<') return '(?<'
    if (piece.startsWith('(?#')) return ''
    if (piece === '\\A') return '(?<![\\s\\S])'
    if (piece === '\\Z') return '(?![\\s\\S])'
    // "[]abc]" holds a bracket in Python and is an empty class in JavaScript.
    if (piece.startsWith('[]')) return `[\\]${piece.slice(2)}`
    if (piece.startsWith('[^]')) return `[^\\]${piece.slice(3)}`
    return piece
  })
}

function withoutClassesAndEscapes(source: string): string {
  return source.replace(PIECE, (piece) => (piece.length > 1 && (piece.startsWith('\\') || piece.startsWith('[')) ? 'x' : piece))
}

/** Python's re.findall with lm-evaluation-harness's reading: the first group that matched, or the whole match. */
export function findAll(regex: RegExp, text: string): string[] {
  const global = new RegExp(regex.source, regex.flags.includes('g') ? regex.flags : `${regex.flags}g`)
  return [...text.matchAll(global)].map((match) => (match.length > 1 ? (match.slice(1).find((group) => group !== undefined && group !== '') ?? '') : match[0]))
}
