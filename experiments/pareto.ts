/** What a run offers and what it takes. Null: not known. */
export interface Tradeoff {
  /** Mean of the metric, already turned so that higher is better. */
  quality: number | null
  latencyMs: number | null
  costUsd: number | null
}

/** front: nothing beats it; dominated: something cheaper and faster is clearly better; else the difference in quality may be chance. */
export type ParetoStanding = 'front' | 'not distinguishable' | 'dominated'

function isNoWorse(a: number | null, b: number | null): boolean {
  return a === null || b === null ? a === b : a <= b
}

/** a dominates b: no worse on anything and better on something. What is unknown of one run alone is never held against it or for it. */
function dominates(a: Tradeoff, b: Tradeoff): boolean {
  if (a.quality === null || b.quality === null) return false
  if (a.quality < b.quality || !isNoWorse(a.latencyMs, b.latencyMs) || !isNoWorse(a.costUsd, b.costUsd)) return false
  const isBetter = (x: number | null, y: number | null): boolean => x !== null && y !== null && x < y
  return a.quality > b.quality || isBetter(a.latencyMs, b.latencyMs) || isBetter(a.costUsd, b.costUsd)
}

/** Which runs lie on the Pareto front of quality, latency and cost. A run without a quality is never on it. */
export function paretoFront(runs: readonly Tradeoff[]): boolean[] {
  return runs.map((run) => run.quality !== null && !runs.some((other) => dominates(other, run)))
}

/**
 * Where each run stands to the front when means carry chance: a run that others dominate by their
 * means is called dominated only if one of them is clearly better. Null without a quality.
 * @param isClearlyBetter whether a paired test finds the first run better than the second
 */
export function paretoStandings(runs: readonly Tradeoff[], isClearlyBetter: (run: number, other: number) => boolean): (ParetoStanding | null)[] {
  return runs.map((run, place) => {
    if (run.quality === null) return null
    const above = runs.flatMap((other, at) => (dominates(other, run) ? [at] : []))
    if (above.length === 0) return 'front'
    return above.some((at) => isClearlyBetter(at, place)) ? 'dominated' : 'not distinguishable'
  })
}
