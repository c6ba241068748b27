/*
 * Translation edit rate (Snover et al. 2006, "A Study of Translation Edit Rate with Targeted Human Annotation"): the fewest
 * insertions, deletions, replacements and shifts of runs of words, found greedily, that turn an answer into its reference.
 * Limits and ties are those of Tercom as sacreBLEU follows it, so that its figures come out.
 */
import { pythonWords } from './words.js'

const LONGEST_SHIFT = 10
const FARTHEST_SHIFT = 50
const BEAM = 25
/** Shifts that are tried for one pair in all. */
const MOST_CANDIDATES = 1_000

/** How one word of the alignment came about. */
const [NONE, SAME, REPLACED, DELETED, INSERTED] = [0, 1, 2, 3, 4] as const

/**
 * @returns the fewest edits over the references, and their mean length in words; those of several answers add up. Case is
 * folded, punctuation stays where it is.
 */
export function terStatistics(answer: string, references: readonly string[]): number[] {
  const given = pythonWords(answer.toLowerCase())
  const wanted = references.map((reference) => pythonWords(reference.toLowerCase()))
  const edits = wanted.map((words) => editsBetween(given, words))
  return [Math.min(...edits), wanted.reduce((sum, { length }) => sum + length, 0) / wanted.length]
}

function editsBetween(answer: readonly string[], reference: readonly string[]): number {
  if (reference.length === 0) return answer.length
  let words = answer
  let [shifts, tried] = [0, 0]
  for (;;) {
    const found = bestShift(words, reference, tried)
    tried += found.tried
    if (tried >= MOST_CANDIDATES || found.gain <= 0) break
    shifts++
    words = found.words
  }
  return shifts + aligned(words, reference).distance
}

interface Shift {
  gain: number
  words: readonly string[]
  tried: number
}

/** The shift that saves most edits; of equals the longest, then the earliest, then the one to the earliest place. */
function bestShift(answer: readonly string[], reference: readonly string[], triedBefore: number): Shift {
  const alignment = aligned(answer, reference)
  const { placeOf, isWrong, isMissed } = placesOf(traced(alignment))
  let best: { words: readonly string[]; rank: readonly number[] } | undefined
  let tried = 0
  for (const { from, to, length } of commonRuns(answer, reference)) {
    const isInPlace = !isWrong.slice(from, from + length).includes(true) || !isMissed.slice(to, to + length).includes(true)
    const at = placeOf[to] ?? -1
    if (isInPlace || (from <= at && at < from + length)) continue
    let before = -1
    for (let offset = -1; offset < length; offset++) {
      const target = to + offset === -1 ? 0 : (placeOf[to + offset] ?? NaN) + 1
      if (Number.isNaN(target)) break
      if (target === before) continue
      before = target
      const words = shifted(answer, { from, length, target })
      const rank = [alignment.distance - aligned(words, reference).distance, length, -from, -target]
      tried++
      if (best === undefined || isHigher(rank, best.rank)) best = { words, rank }
    }
    if (triedBefore + tried >= MOST_CANDIDATES) break
  }
  return { gain: best?.rank[0] ?? 0, words: best?.words ?? answer, tried }
}

function isHigher(one: readonly number[], other: readonly number[]): boolean {
  const place = one.findIndex((value, index) => value !== other[index])
  return place >= 0 && (one[place] ?? 0) > (other[place] ?? 0)
}

/** Runs of words that both have, not too long and not too far apart, shorter ones first. */
function* commonRuns(answer: readonly string[], reference: readonly string[]): Generator<{ from: number; to: number; length: number }> {
  for (let from = 0; from < answer.length; from++) {
    for (let to = Math.max(0, from - FARTHEST_SHIFT); to < Math.min(reference.length, from + FARTHEST_SHIFT + 1); to++) {
      for (let length = 1; length <= LONGEST_SHIFT && from + length <= answer.length && to + length <= reference.length; length++) {
        if (answer[from + length - 1] !== reference[to + length - 1]) break
        yield { from, to, length }
      }
    }
  }
}

/** The run is put before the word at `target`; a target just behind the run moves it over the words that follow. */
function shifted(words: readonly string[], { from, length, target }: { from: number; length: number; target: number }): string[] {
  const run = words.slice(from, from + length)
  if (target < from) return [...words.slice(0, target), ...run, ...words.slice(target, from), ...words.slice(from + length)]
  const end = target > from + length ? target : length + target
  return [...words.slice(0, from), ...words.slice(from + length, end), ...run, ...words.slice(end)]
}

/** For each word of the reference its place in the answer, and which words on both sides are errors. */
function placesOf(steps: readonly number[]): { placeOf: number[]; isWrong: boolean[]; isMissed: boolean[] } {
  const places = { placeOf: [] as number[], isWrong: [] as boolean[], isMissed: [] as boolean[] }
  let place = -1
  for (const step of steps) {
    if (step !== INSERTED) {
      place++
      places.isWrong.push(step !== SAME)
    }
    if (step === DELETED) continue
    places.placeOf.push(place)
    places.isMissed.push(step !== SAME)
  }
  return places
}

/**
 * Edit distance along a band around the diagonal, and the steps from the answer to the reference. Of equals a replacement
 * is taken before a deletion, and that before an insertion.
 */
function aligned(answer: readonly string[], reference: readonly string[]): { distance: number; steps: Uint8Array; width: number } {
  const width = reference.length + 1
  const costs = new Float64Array((answer.length + 1) * width).fill(Infinity)
  const steps = new Uint8Array(costs.length)
  for (let column = 0; column < width; column++) costs[column] = column
  steps.fill(INSERTED, 0, width)
  const ratio = answer.length === 0 ? 1 : reference.length / answer.length
  const beam = BEAM < ratio / 2 ? Math.ceil(ratio / 2 + BEAM) : BEAM
  for (let row = 1; row <= answer.length; row++) {
    const diagonal = Math.floor(row * ratio)
    const end = row === answer.length ? width : Math.min(width, diagonal + beam)
    for (let column = Math.max(0, diagonal - beam); column < end; column++) {
      const at = row * width + column
      const isSame = column > 0 && answer[row - 1] === reference[column - 1]
      let cost = column === 0 ? Infinity : (costs[at - width - 1] ?? Infinity) + (isSame ? 0 : 1)
      let step: number = cost === Infinity ? NONE : isSame ? SAME : REPLACED
      const deleted = (costs[at - width] ?? Infinity) + 1
      if (deleted < cost) [cost, step] = [deleted, DELETED]
      const inserted = column === 0 ? Infinity : (costs[at - 1] ?? Infinity) + 1
      if (inserted < cost) [cost, step] = [inserted, INSERTED]
      costs[at] = cost
      steps[at] = step
    }
  }
  return { distance: costs.at(-1) ?? 0, steps, width }
}

/** The way from both beginnings to both ends. */
function traced({ steps, width }: { steps: Uint8Array; width: number }): number[] {
  const trace: number[] = []
  let at = steps.length - 1
  while (at > 0) {
    const step = steps[at] ?? NONE
    if (step === NONE) throw new RangeError('the band around the diagonal does not reach from one end to the other')
    trace.push(step)
    at -= (step === INSERTED ? 0 : width) + (step === DELETED ? 0 : 1)
  }
  return trace.reverse()
}
