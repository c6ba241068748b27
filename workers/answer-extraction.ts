/* The answer within what a model wrote: after reasoning aloud, only its end is to be scored. */
import type { Extraction } from '../server/contracts/index.js'

/** As lm-evaluation-harness and people write numbers: a sign, digits, then groups by dots or commas. */
const NUMBER = /[-−]?\d+(?:[.,\u00a0\u202f]\d+)*/gu

/** The part that is the answer, trimmed; null where it is not there. `none` takes the text as it is. */
export function extractAnswer(text: string, how: Extraction): string | null {
  if (how === 'none') return text
  if (how === 'last_number') return text.match(NUMBER)?.at(-1) ?? null
  if ('after' in how) return lineAfter(text, how.after)
  const matches = [...text.matchAll(new RegExp(how.regex, how.flags.includes('g') ? how.flags : `${how.flags}g`))]
  const match = how.match === 'first' ? matches[0] : matches.at(-1)
  if (match === undefined) return null
  return (match[how.group ?? (match.length > 1 ? 1 : 0)] ?? '').trim()
}

/** From the last marker to the end of its line; where that is empty, to the end of the next line that is not. */
function lineAfter(text: string, marker: string): string | null {
  const at = text.toLowerCase().lastIndexOf(marker.toLowerCase())
  if (at === -1) return null
  const lines = text.slice(at + marker.length).split('\n').map((line) => line.trim())
  return lines.find((line) => line !== '') ?? null
}
