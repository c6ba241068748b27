/**
 * Holm's step-down correction of p-values that belong to one family of questions: the chance of
 * even one false finding among them stays below 5 % when a corrected value is held against 0.05.
 * p̃_(i) = max_{j≤i} min(1, (m−j+1)·p_(j)) with p_(1) ≤ … ≤ p_(m).
 * Source: S. Holm, Scand. J. Statist. 6 (1979) 65–70.
 * @param values null where nothing could be tested; those stay null and do not count in m
 * @returns corrected values in the order given
 */
export function holm(values: readonly (number | null)[]): (number | null)[] {
  const tested = values.flatMap((p, index) => (p === null ? [] : [{ p, index }]))
  tested.sort((a, b) => a.p - b.p)
  const adjusted: (number | null)[] = values.map(() => null)
  let highest = 0
  tested.forEach(({ p, index }, rank) => {
    highest = Math.max(highest, Math.min(1, (tested.length - rank) * p))
    adjusted[index] = highest
  })
  return adjusted
}
