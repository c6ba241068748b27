import type { Price } from '../server/contracts/index.js'

const MS_PER_HOUR = 3_600_000

export interface Usage {
  tokensIn: number | null
  tokensOut: number | null
  /** Part of tokensIn; null: the endpoint tells of none. */
  tokensCached?: number | null
  /** Part of tokensOut. */
  tokensReasoning?: number | null
  latencyMs: number
}

/** US dollars of one call; null where the price or the tokens are not known: an unknown cost is not a free one. */
export function costOf(price: Price | undefined, usage: Usage): number | null {
  if (price === undefined) return null
  if (price.perHour !== undefined) return (price.perHour * usage.latencyMs) / MS_PER_HOUR
  if (price.perGpuSecond !== undefined) return (price.perGpuSecond * usage.latencyMs) / 1000
  const { inputPerMillion, outputPerMillion, cachedPerMillion = inputPerMillion, reasoningPerMillion = outputPerMillion } = price
  const cached = usage.tokensCached ?? 0
  const reasoning = usage.tokensReasoning ?? 0
  const parts = [
    partCost(inputPerMillion, usage.tokensIn === null ? null : usage.tokensIn - cached),
    partCost(cachedPerMillion, cached),
    partCost(outputPerMillion, usage.tokensOut === null ? null : usage.tokensOut - reasoning),
    partCost(reasoningPerMillion, reasoning),
  ]
  return parts.reduce((sum, part) => (sum === null || part === null ? null : sum + part), 0)
}

function partCost(perMillion: number | undefined, tokens: number | null): number | null {
  if (tokens === 0) return 0
  return perMillion === undefined || tokens === null ? null : (perMillion * tokens) / 1e6
}
