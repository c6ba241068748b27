/* Spreads the trials of simulations over the cores: parts of equal size with seeds of their own, whose means are then one mean. */
import { availableParallelism } from 'node:os'
import type { Scenario, Tally } from '../../support/race-simulation.js'
import { Contestant } from '../frame/contestant.js'
import type { Simulated } from './simulation.js'

/** Trials of one part: small enough that the last parts end together. */
const PART = 100

export async function simulateAll(scenarios: readonly Scenario[]): Promise<Simulated[]> {
  const parts = scenarios.flatMap((scenario, index) => partsOf(scenario).map((part) => ({ index, part })))
  const done: Simulated[][] = scenarios.map(() => [])
  const lane = async (): Promise<void> => {
    await using worker = Contestant.node(new URL('./simulation.js', import.meta.url))
    for (let next = parts.shift(); next !== undefined; next = parts.shift()) done[next.index]?.push(await worker.ask<Simulated>(next.part))
  }
  await Promise.all(Array.from({ length: availableParallelism() }, lane))
  return done.map((of) => ({ race: meanOf(of.map(({ race }) => race)), grid: meanOf(of.map(({ grid }) => grid)) }))
}

function partsOf(scenario: Scenario): Scenario[] {
  const count = Math.max(1, Math.round(scenario.trials / PART))
  return Array.from({ length: count }, (_, index) => ({ ...scenario, trials: Math.round(scenario.trials / count), seed: (scenario.seed ?? 1) + index }))
}

function meanOf(tallies: readonly Tally[]): Tally {
  const mean = (pick: (tally: Tally) => number): number => tallies.reduce((sum, tally) => sum + pick(tally), 0) / tallies.length
  return { declared: mean((t) => t.declared), right: mean((t) => t.right), false: mean((t) => t.false), leaderIsBest: mean((t) => t.leaderIsBest), bestStopped: mean((t) => t.bestStopped), calls: mean((t) => t.calls) }
}
