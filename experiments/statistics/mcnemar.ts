import { binomialCdf, normalCdf, Z95 } from './distributions.js'
import { wilson } from './intervals.js'

/** How two runs did on the same 0/1 items. */
export interface PairedTable {
  both: number
  run: number
  baseline: number
  neither: number
}

/**
 * Exact McNemar test, two-sided: of the b + c items on which the runs differ, are the b wins more
 * or fewer than a fair coin gives? p = min(1, 2·P(X ≤ min(b, c))), X binomial(b + c, ½).
 * Source: Q. McNemar, Psychometrika 12 (1947) 153–157; exact form.
 */
export function mcnemarExact(wins: number, losses: number): number {
  return Math.min(1, 2 * binomialCdf(Math.min(wins, losses), wins + losses, 0.5))
}

/**
 * McNemar's test with the mid-p value: the probability of the table seen counts half, which undoes
 * most of the exact form's caution and may exceed the nominal level by a little.
 * Source: M. W. Fagerland et al., BMC Med. Res. Methodol. 13 (2013) 91.
 */
export function mcnemarMidP(wins: number, losses: number): number {
  const fewer = Math.min(wins, losses)
  const pairs = wins + losses
  if (pairs === 0) return 1
  const upTo = binomialCdf(fewer, pairs, 0.5)
  return Math.min(1, 2 * upTo - (upTo - binomialCdf(fewer - 1, pairs, 0.5)))
}

/**
 * Interval of the difference of two proportions on the same items, run − baseline. Unlike mean ±
 * z·SE it has a width when the runs never differ. Source: R. G. Newcombe, Statist. Med. 17 (1998)
 * 2635–2650, method 10 (Wilson limits of both, joined with a continuity-corrected correlation φ).
 */
export function pairedProportionInterval(table: PairedTable, z = Z95): { low: number; high: number } {
  const { both, run, baseline, neither } = table
  const n = both + run + baseline + neither
  const p1 = (both + run) / n
  const p2 = (both + baseline) / n
  const first = wilson(both + run, n, z)
  const second = wilson(both + baseline, n, z)
  const margins = (both + run) * (baseline + neither) * (both + baseline) * (run + neither)
  const excess = both * neither - run * baseline
  const corrected = excess > 0 ? Math.max(0, excess - n / 2) : excess
  const phi = margins === 0 ? 0 : corrected / Math.sqrt(margins)
  const width = (a: number, b: number): number => Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b))
  return {
    low: p1 - p2 - width(p1 - first.low, second.high - p2),
    high: p1 - p2 + width(first.high - p1, p2 - second.low),
  }
}

/**
 * One-sided p-value that the difference is above `bound`, by Newcombe's interval turned round: the
 * z at which its lower end meets the bound. Below 0.025 exactly when the 95 % interval lies above it.
 */
export function pairedProportionAbove(table: PairedTable, bound: number): number {
  const n = table.both + table.run + table.baseline + table.neither
  const difference = (table.run - table.baseline) / n
  if (difference === bound) return 0.5
  if (difference < bound) return 1 - pairedProportionAbove({ ...table, run: table.baseline, baseline: table.run }, -bound)
  let near = 0
  let far = 1
  while (pairedProportionInterval(table, far).low > bound && far < 64) far *= 2
  for (let i = 0; i < 60; i++) {
    const middle = (near + far) / 2
    if (pairedProportionInterval(table, middle).low > bound) near = middle
    else far = middle
  }
  return normalCdf(-far)
}
