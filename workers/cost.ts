import type { Price } from '../server/contracts/index.js'

const MS_PER_HOUR = 3_600_000

export interface Usage {
  tokensIn: number | null
  tokensOut: number | null
  latencyMs: number
}

/** US dollars of one call; null where the price or the tokens are not known: an unknown cost is not a free one. */
export function costOf(price: Price | undefined, { tokensIn, tokensOut, latencyMs }: Usage): number | null {
  if (price === undefined) return null
  if (price.perHour !== undefined) return (price.perHour * latencyMs) / MS_PER_HOUR
  const input = partCost(price.inputPerMillion, tokensIn)
  const output = partCost(price.outputPerMillion, tokensOut)
  return input === null || output === null ? null : input + output
}

function partCost(perMillion: number | undefined, tokens: number | null): number | null {
  if (tokens === 0) return 0
  return perMillion === undefined || tokens === null ? null : (perMillion * tokens) / 1e6
}
