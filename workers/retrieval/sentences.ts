import type { Span } from './chunker.js'

/** Ends a sentence: a mark and what closes it, or an empty line. */
const END = /[.!?]+["'”’)\]]*\s+|\n\s*\n\s*/g
/** "Mr. Speaker", "U.S. troops": too short to be a sentence, joined to what follows. */
const SHORTEST = 24
/** About 100 tokens, within the 128 that the encoder reads. */
const LONGEST = 400

function cutLong(text: string, span: Span): Span[] {
  const parts: Span[] = []
  let { start } = span
  while (span.end - start > LONGEST) {
    const space = text.lastIndexOf(' ', start + LONGEST)
    const end = space > start + LONGEST / 2 ? space + 1 : start + LONGEST
    parts.push({ start, end })
    start = end
  }
  parts.push({ start, end: span.end })
  return parts
}

/** Splits a text into sentences of 24 to 400 characters, give or take, that together are the whole text. */
export function splitSentences(text: string): Span[] {
  const spans: Span[] = []
  let start = 0
  for (const match of text.matchAll(END)) {
    const end = match.index + match[0].length
    if (end - start < SHORTEST) continue
    spans.push(...cutLong(text, { start, end }))
    start = end
  }
  if (start < text.length) spans.push(...cutLong(text, { start, end: text.length }))
  return spans
}
