/** What a run offers and what it takes. Null: not known. */
export interface Tradeoff {
  /** Mean of the metric, already turned so that higher is better. */
  quality: number | null
  latencyMs: number | null
  costUsd: number | null
}

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
