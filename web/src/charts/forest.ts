/** Where the rows of a forest plot begin and end: around every interval and around zero. */
import type { PairedTest } from '../../../server/contracts/compare.js'

export interface Domain {
  low: number
  high: number
}

const MARGIN = 0.05

export function forestDomain(tests: readonly Pick<PairedTest, 'difference' | 'low' | 'high'>[]): Domain {
  const ends = tests.flatMap(({ difference, low, high }) => [difference, low ?? difference, high ?? difference]).filter(Number.isFinite)
  const low = Math.min(0, ...ends)
  const high = Math.max(0, ...ends)
  if (low === high) return { low: -1, high: 1 }
  const margin = (high - low) * MARGIN
  return { low: low - margin, high: high + margin }
}

/** Share of the way across, as CSS and SVG take it. */
export const across = (value: number, { low, high }: Domain): string => `${(100 * (value - low)) / (high - low)}%`
