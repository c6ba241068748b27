/* What a call of a model costs: by the experiment file where it says so, else by the price table of its day. */
import { priceOf, type PricedModel } from '../experiments/price-table.js'
import type { Assignment, Price } from '../server/contracts/index.js'
import { costOf } from './cost.js'
import type { Pricing } from './providers/paid-calls.js'
import { RunFailure } from './run-context.js'

export interface PricingOptions {
  /** Of the experiment file. */
  own: Price | undefined
  model: PricedModel
  table: Assignment['prices']
}

/** @throws {RunFailure} `prices_invalid` when the table would be needed and is broken. */
export function pricingOf({ own, model, table }: PricingOptions): Pricing {
  if (own !== undefined) return (facts) => costOf(own, facts)
  if (table.problem !== null) throw new RunFailure('prices_invalid', table.problem)
  return (facts) => costOf(priceOf(table.rows, model, new Date()), facts)
}
