/*
 * Cuts a document into chunks of at most `size` characters that share up to `overlap` characters
 * with the chunk before. Offsets are exact: a chunk's text is document.slice(start, end).
 */

export interface Span {
  start: number
  end: number
}

export interface ChunkOptions {
  /** Most characters (UTF-16 units) of a chunk. */
  size: number
  /** Characters that a chunk repeats of the one before; less than size. */
  overlap: number
}

/** A break is looked for in the last third of a chunk: further back it would waste the size that was asked for. */
const SEARCH_SHARE = 2 / 3
/** Best first: between paragraphs, between sentences, between words. Each ends where the next chunk may begin. */
const BREAKS = [/\n\s*\n/g, /[.!?]["'”’)\]]*\s/g, /\s/g]

/** Longest mark of a break that is still seen when it begins before the place where breaks may end. */
const LOOK_BACK = 8

/** End of the last break of the best sort that ends in [from, to], or undefined. */
function lastBreak(text: string, from: number, to: number): number | undefined {
  const begin = Math.max(0, from - LOOK_BACK)
  const window = text.slice(begin, to)
  for (const pattern of BREAKS) {
    let last = from - 1
    for (const match of window.matchAll(pattern)) last = Math.max(last, begin + match.index + match[0].length)
    if (last >= from) return last
  }
  return undefined
}

/** Where a chunk that begins at `start` ends. Never inside a surrogate pair. */
function chunkEnd(text: string, start: number, { size, overlap }: ChunkOptions): number {
  const limit = start + size
  if (limit >= text.length) return text.length
  const earliest = start + Math.max(Math.floor(size * SEARCH_SHARE), overlap + 1)
  // One character more, so that a break exactly at the limit is seen.
  const found = earliest < limit ? lastBreak(text, earliest, limit + 1) : undefined
  if (found !== undefined && found <= limit) return found
  if (found !== undefined && /\s/.test(text[limit] ?? '')) return limit
  return isInsidePair(text, limit) ? limit - 1 : limit
}

function isInsidePair(text: string, at: number): boolean {
  return /[\uD800-\uDBFF]/.test(text[at - 1] ?? '') && /[\uDC00-\uDFFF]/.test(text[at] ?? '')
}

/** Where the next chunk begins: `overlap` characters back, then on to the start of a word. */
function nextStart(text: string, end: number, overlap: number): number {
  if (overlap === 0) return end
  let start = end - overlap
  if (/\s/.test(text[start - 1] ?? ' ')) return start
  while (start < end && !/\s/.test(text[start] ?? ' ')) start++
  // A word longer than the overlap: begin inside it rather than give the overlap up.
  return start < end ? start : end - overlap
}

/** The first character at or after `start` that may begin a chunk: no white space, no half of a pair. */
function firstOf(text: string, start: number): number {
  let at = isInsidePair(text, start) ? start + 1 : start
  while (at < text.length && /\s/.test(text[at] ?? '')) at++
  return at
}

/**
 * Chunks of a text in order: each at most `size` characters, without white space at its ends,
 * broken between paragraphs, else sentences, else words, where one of these lies in the last
 * third of the chunk, else at `size`. Together they hold every character but white space.
 */
export function chunkText(text: string, options: ChunkOptions): Span[] {
  const { size, overlap } = options
  if (!(size >= 1) || !(overlap >= 0) || overlap >= size) throw new RangeError(`chunks need an overlap from 0 to below their size, got size ${size} and overlap ${overlap}`)
  const chunks: Span[] = []
  let covered = 0
  let start = firstOf(text, 0)
  while (start < text.length) {
    const limit = chunkEnd(text, start, options)
    const end = start + text.slice(start, limit).trimEnd().length
    // What ends where the chunk before ends would only repeat it.
    if (end > covered) chunks.push({ start, end })
    covered = Math.max(covered, end)
    if (limit >= text.length) break
    start = firstOf(text, Math.max(start + 1, nextStart(text, limit, overlap)))
  }
  return chunks
}
