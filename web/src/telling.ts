/** What tells an item from the others of its table: prompts often begin with the same examples. Pure. */
import { shorten } from './format.js'

const MOST_SHOWN = 120
/** A shorter opening, as "E-mail:", may stay. */
const LEAST_CUT = 40

/** How many characters all inputs have in common at their beginning, up to the end of a line or else of a word; 0 where they are few. */
export function sharedOpening(inputs: readonly string[]): number {
  const [first = '', ...others] = inputs
  if (others.length === 0) return 0
  let length = first.length
  for (const input of others) {
    let same = 0
    while (same < length && input[same] === first[same]) same++
    length = same
  }
  const common = first.slice(0, length)
  const cut = Math.max(common.lastIndexOf('\n'), common.lastIndexOf('\n') > LEAST_CUT ? 0 : common.lastIndexOf(' ')) + 1
  return cut > LEAST_CUT ? cut : 0
}

/** An input in a cell: from where it differs from the others, in one line. */
export function telling(input: string, opening: number): string {
  const own = input.slice(opening)
  return own.trim() === '' ? shorten(input, MOST_SHOWN) : `${opening > 0 ? '… ' : ''}${shorten(own, MOST_SHOWN)}`
}
