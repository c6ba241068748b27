/**
 * Which runs may be the best: all that the one with the highest mean does not beat in a paired test
 * at 5 % / (k − 1), k being the number of runs. The truly best run is left out in at most 5 % of
 * comparisons, whichever run happened to lead, since it would have to lose significantly to one of
 * the k − 1 others. So no ranking is claimed inside the set.
 * Source: J. C. Hsu, Ann. Statist. 12 (1984) 1136–1144, with Bonferroni in place of the joint law.
 * @param qualities mean of each run, turned so that higher is better; null without a score
 * @param pOf two-sided p-value of a run against the leader; null where they cannot be tested
 * @returns places of the runs, the leader first; empty where no run has a score
 */
export function bestSet(qualities: readonly (number | null)[], pOf: (place: number, leader: number) => number | null): number[] {
  const scored = qualities.flatMap((quality, place) => (quality === null || Number.isNaN(quality) ? [] : [{ place, quality }]))
  const [first] = scored
  if (first === undefined) return []
  const leader = scored.reduce((a, b) => (b.quality > a.quality ? b : a), first).place
  const limit = 0.05 / Math.max(1, scored.length - 1)
  const others = scored.map(({ place }) => place).filter((place) => place !== leader)
  return [leader, ...others.filter((place) => (pOf(place, leader) ?? 1) >= limit)]
}
