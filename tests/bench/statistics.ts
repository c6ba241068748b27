/* What the statistics promise: a comparison of 100,000 items within a second, and races that keep their error and save calls. */
import { simulate, type Scenario } from '../support/race-simulation.js'
import type { Bench, BenchContext } from './frame/bench.js'
import { spreadOf } from './frame/samples.js'
import { table } from './frame/table.js'
import { timeComparisons } from './statistics/comparison.js'

/** A full set of trials for what happens rarely, a quarter of it where shares are near one. */
const TRIALS = 2_000

const equal = (runs: number): number[] => Array.from({ length: runs }, () => 0.75)
const oneBetter = (runs: number): number[] => equal(runs).with(0, 0.8)

const RACES: { name: string; scenario: Scenario }[] = [
  { name: '2 equal runs', scenario: { accuracies: equal(2), items: 600, trials: TRIALS } },
  { name: '3 equal runs', scenario: { accuracies: equal(3), items: 600, trials: TRIALS } },
  { name: '8 equal runs', scenario: { accuracies: equal(8), items: 600, trials: TRIALS } },
  { name: '1 of 3 better by 5 points', scenario: { accuracies: oneBetter(3), items: 2_000, trials: TRIALS / 4 } },
  { name: '1 of 8 better by 5 points', scenario: { accuracies: oneBetter(8), items: 2_000, trials: TRIALS / 4 } },
]

export const bench: Bench = {
  about: 'a comparison of two runs of 100,000 items, and races in simulation; two minutes, --quick one',
  run: async (context) => {
    const { first, next } = await timeComparisons(5)
    const answers = spreadOf(next)
    context.say(table(['comparison of 2 × 100,000 items', 'seconds'], [['first after the start', first.toFixed(3)], ['then (median of 5)', answers.median.toFixed(3)]]))
    return { figures: { compare100kFirstSeconds: first, compare100kSeconds: answers.median, ...races(context) }, spreads: { compare100kSeconds: answers } }
  },
}

function races({ say, isQuick }: BenchContext): Record<string, number> {
  const results = RACES.map(({ name, scenario }) => ({ name, scenario, ...simulate({ ...scenario, trials: isQuick ? scenario.trials / 10 : scenario.trials }) }))
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  // Of equal runs none is the right winner: whoever is named is a false one.
  const right = (scenario: Scenario, share: number): string => (new Set(scenario.accuracies).size === 1 ? '–' : percent(share))
  say(`\n${table(['truth', 'right winner', 'full grid', 'false winner', 'a best run stopped', 'calls'], results.map(({ name, scenario, race, grid }) => [name, right(scenario, race.right), right(scenario, grid.right), percent(race.false), percent(race.bestStopped), percent(race.calls)]))}`)
  const [different] = results.slice(-1)
  return {
    raceFalseWinners: Math.max(...results.map(({ race }) => race.false)),
    raceBestStopped: Math.max(...results.map(({ race }) => race.bestStopped)),
    raceRightMinusGrid: (different?.race.right ?? NaN) - (different?.grid.right ?? NaN),
    raceCalls: different?.race.calls ?? NaN,
  }
}
