/** p-values of the questions that were tested, ascending, with their places; null where nothing could be tested. */
function ascending(values: readonly (number | null)[]): { p: number; index: number }[] {
  return values.flatMap((p, index) => (p === null ? [] : [{ p, index }])).sort((a, b) => a.p - b.p)
}

/**
 * Holm's step-down correction of p-values that belong to one family of questions: the chance of
 * even one false finding among them stays below 5 % when a corrected value is held against 0.05.
 * p̃_(i) = max_{j≤i} min(1, (m−j+1)·p_(j)) with p_(1) ≤ … ≤ p_(m).
 * Source: S. Holm, Scand. J. Statist. 6 (1979) 65–70.
 * @param values null where nothing could be tested; those stay null and do not count in m
 * @returns corrected values in the order given
 */
export function holm(values: readonly (number | null)[]): (number | null)[] {
  const tested = ascending(values)
  const adjusted: (number | null)[] = values.map(() => null)
  let highest = 0
  tested.forEach(({ p, index }, rank) => {
    highest = Math.max(highest, Math.min(1, (tested.length - rank) * p))
    adjusted[index] = highest
  })
  return adjusted
}

/**
 * Benjamini and Hochberg's step-up correction, for grids of many questions where a known share of
 * false findings can be borne: of those with a corrected value below 0.05 at most 5 % are expected
 * to be false, for independent or positively dependent tests. p̃_(i) = min_{j≥i} min(1, m·p_(j)/j).
 * Source: Y. Benjamini & Y. Hochberg, J. R. Statist. Soc. B 57 (1995) 289–300.
 */
export function benjaminiHochberg(values: readonly (number | null)[]): (number | null)[] {
  const tested = ascending(values)
  const adjusted: (number | null)[] = values.map(() => null)
  let lowest = 1
  for (let rank = tested.length; rank >= 1; rank--) {
    const { p, index } = tested[rank - 1] ?? { p: 1, index: 0 }
    lowest = Math.min(lowest, (tested.length * p) / rank)
    adjusted[index] = lowest
  }
  return adjusted
}
