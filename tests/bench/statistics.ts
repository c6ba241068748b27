/* What the statistics promise: a comparison of 100,000 items within a second, and races that keep their error and save calls. */
import { wilson } from '../../experiments/statistics/intervals.js'
import { RACE_SPENDING } from '../../experiments/race.js'
import type { Spending } from '../../experiments/statistics/sequential.js'
import type { Scenario } from '../support/race-simulation.js'
import type { Bench, BenchContext } from './frame/bench.js'
import { spreadOf } from './frame/samples.js'
import { markdownTable, table } from './frame/table.js'
import { timeComparisons } from './statistics/comparison.js'
import type { Simulated } from './statistics/simulation.js'
import { simulateAll } from './statistics/trials.js'

const TRIALS = 2_000
/** Spending functions are told apart by their calls, which need fewer trials than rare errors. */
const SPENDING_TRIALS = 500

const equal = (runs: number): number[] => Array.from({ length: runs }, () => 0.75)
const oneBetter = (runs: number): number[] => equal(runs).with(0, 0.8)

interface Named {
  name: string
  scenario: Scenario
}

const RACES: readonly Named[] = [
  { name: '2 equal runs', scenario: { accuracies: equal(2), items: 600, trials: TRIALS } },
  { name: '3 equal runs', scenario: { accuracies: equal(3), items: 600, trials: TRIALS } },
  { name: '8 equal runs', scenario: { accuracies: equal(8), items: 600, trials: TRIALS } },
  { name: '1 of 3 better by 5 points', scenario: { accuracies: oneBetter(3), items: 2_000, trials: TRIALS } },
  { name: '1 of 8 better by 5 points', scenario: { accuracies: oneBetter(8), items: 2_000, trials: TRIALS } },
]

const SPENDINGS: readonly { name: string; spending: Spending }[] = [
  ...[1, 2, 3].map((rho) => ({ name: `α·t^${rho}`, spending: { kind: 'power', rho } as const })),
  { name: "O'Brien–Fleming", spending: { kind: 'obrien-fleming' } },
  { name: 'Pocock', spending: { kind: 'pocock' } },
]

export const bench: Bench = {
  about: 'a comparison of two runs of 100,000 items, and 2,000 races of each kind in simulation; minutes, --quick a tenth of the races',
  run: async (context) => {
    const { first, next } = await timeComparisons(5)
    const answers = spreadOf(next)
    context.say(table(['comparison of 2 × 100,000 items', 'seconds'], [['first after the start', first.toFixed(3)], ['then (median of 5)', answers.median.toFixed(3)]]))
    const figures = await races(context)
    await spendings(context)
    return { figures: { compare100kFirstSeconds: first, compare100kSeconds: answers.median, ...figures }, spreads: { compare100kSeconds: answers } }
  },
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** A share of the trials with its 95 % interval by Wilson. */
function withInterval(share: number, trials: number): string {
  const { low, high } = wilson(Math.round(share * trials), trials)
  return `${percent(share)} (${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`
}

const shortened = (scenario: Scenario, isQuick: boolean): Scenario => (isQuick ? { ...scenario, trials: scenario.trials / 10 } : scenario)

async function races({ say, isQuick }: BenchContext): Promise<Record<string, number>> {
  const scenarios = RACES.map(({ scenario }) => shortened(scenario, isQuick))
  const results = await simulateAll(scenarios)
  const rows = results.map(({ race, grid }, index) => {
    const { accuracies, items, trials } = scenarios[index] as Scenario
    // Of equal runs none is the right winner: whoever is named is a false one.
    const isEqual = new Set(accuracies).size === 1
    const found = isEqual ? ['–', '–'] : [withInterval(race.right, trials), withInterval(grid.right, trials)]
    return [RACES[index]?.name ?? '', String(items), trials.toLocaleString('en'), ...found, withInterval(race.false, trials), withInterval(grid.false, trials), percent(race.bestStopped), percent(race.calls)]
  })
  say(`\n${markdownTable(['truth', 'items', 'trials', 'right winner', 'full grid', 'false winner', 'full grid', 'a best run stopped', 'answers, of the grid’s'], rows)}`)
  const [of3, of8] = results.slice(-2)
  const equals = results.slice(0, 3)
  return {
    raceFalseWinners: Math.max(...equals.map(({ race }) => race.false)),
    raceBestStopped: Math.max(...results.map(({ race }) => race.bestStopped)),
    raceRightMinusGrid: Math.min(...[of3, of8].map((one) => (one?.race.right ?? NaN) - (one?.grid.right ?? NaN))),
    raceCalls: Math.max(of3?.race.calls ?? NaN, of8?.race.calls ?? NaN),
  }
}

/** How the error is spent over the looks: what each way saves, and what it costs. */
async function spendings({ say, isQuick }: BenchContext): Promise<void> {
  const truths = [{ accuracies: equal(2), items: 600 }, { accuracies: oneBetter(3), items: 2_000 }]
  const scenarios = SPENDINGS.flatMap(({ spending }) => truths.map((truth) => shortened({ ...truth, trials: SPENDING_TRIALS, spending }, isQuick)))
  const results = await simulateAll(scenarios)
  const rows = SPENDINGS.map(({ name, spending }, index) => {
    const [same, different] = results.slice(2 * index, 2 * index + 2) as [Simulated, Simulated]
    const isOurs = JSON.stringify(spending) === JSON.stringify(RACE_SPENDING)
    return [isOurs ? `${name} (ours)` : name, percent(same.race.false), percent(different.race.right), percent(different.grid.right), percent(different.race.bestStopped), percent(different.race.calls)]
  })
  say(`\n${markdownTable(['spending', 'false winner of 2 equal runs', 'right winner, 1 of 3 better by 5 points', 'full grid', 'best run stopped', 'answers, of the grid’s'], rows)}`)
}
