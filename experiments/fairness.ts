/* What may make a comparison unfair, each in a sentence: other data, other judges, missing answers, luck. */
import type { NamedMetric } from './metrics.js'
import type { Pairwise } from './pairwise.js'
import { type Arm, haveRepeats } from './repeats.js'
import { countsOf } from './score-columns.js'

interface Compared {
  arms: readonly Arm[]
  baseline: Arm
  metric: NamedMetric
  pairwise: Pairwise
  nameOf: (runId: string) => string
}

/** Parameters that say how answers are judged: with others the scores themselves mean something else. */
const JUDGING = /judge|rubric|grader/i
/** Parameters that change how a run is executed, never what it answers. */
const EXECUTION = new Set(['concurrency', 'timeoutSeconds', 'price', 'threads', 'device', 'limit', 'testLimit'])
/** Above this share of missing scores they can turn a finding. */
const MANY_MISSING = 0.05

export function fairnessWarnings(compared: Compared): string[] {
  const { arms, baseline } = compared
  const others = arms.filter((arm) => arm !== baseline)
  return [
    ...others.flatMap((other) => [...datasetWarnings(other, compared), ...itemWarnings(other, compared), ...parameterWarnings(other, compared)]),
    ...arms.flatMap((arm) => missingWarnings(arm, compared)),
    ...arms.flatMap((arm) => statusWarnings(arm, compared)),
    ...setWarnings(compared),
  ]
}

function datasetWarnings({ run }: Arm, { baseline, nameOf }: Compared): string[] {
  const reference = baseline.run
  if (run.dataset !== reference.dataset) return [`${nameOf(run.id)} ran on the dataset ${run.dataset}, ${nameOf(reference.id)} on ${reference.dataset}: they are not tested against each other.`]
  const [mine, theirs] = [run.environment?.datasetHash, reference.environment?.datasetHash]
  if (mine === undefined || theirs === undefined || mine === theirs) return []
  return [`${nameOf(run.id)} and ${nameOf(reference.id)} ran on different versions of the dataset ${reference.dataset} (${mine.slice(0, 8)} and ${theirs.slice(0, 8)}); only items with the same id and target are paired.`]
}

function itemWarnings(other: Arm, { baseline, pairwise, nameOf }: Compared): string[] {
  const pairs = pairwise.pairsOf(other, baseline)
  if (pairs === null) return []
  const { shared, changed } = pairs
  const [run, reference] = [nameOf(other.run.id), nameOf(baseline.run.id)]
  const apart = other.columns.itemIds.length + baseline.columns.itemIds.length - 2 * shared
  const warnings: string[] = []
  if (shared === 0) warnings.push(`${run} and ${reference} have no item in common, so they cannot be compared in pairs.`)
  else if (apart > 0) warnings.push(`${run} and ${reference} were not run on the same items: ${shared} are shared and compared, ${apart} are not.`)
  if (changed > 0) warnings.push(`${changed} of the items that ${run} and ${reference} share have another target in the other version; they are left out.`)
  return warnings
}

/** A scorer of the user's own under one name in both runs, made in two ways. */
function hasOtherScorer(metric: string, ...runs: readonly Arm['run'][]): boolean {
  const [mine, theirs] = runs.map(({ params }) => (params['scorers'] as Record<string, unknown> | undefined)?.[metric])
  return mine !== undefined && theirs !== undefined && JSON.stringify(mine) !== JSON.stringify(theirs)
}

function parameterWarnings({ run }: Arm, { baseline: { run: reference }, metric, nameOf }: Compared): string[] {
  const names = [...new Set([...Object.keys(run.params), ...Object.keys(reference.params)])]
  const differing = names.filter((name) => !EXECUTION.has(name) && JSON.stringify(run.params[name]) !== JSON.stringify(reference.params[name]))
  const judging = differing.filter((name) => JUDGING.test(name))
  const warnings = judging.map((name) => `${nameOf(run.id)} and ${nameOf(reference.id)} were scored with another ${name}: the difference may be the judges’, not the answers’.`)
  if (hasOtherScorer(metric.id, run, reference)) warnings.push(`${metric.id} of ${nameOf(run.id)} and ${nameOf(reference.id)} are two different scorers: the difference may be the scorers’, not the answers’.`)
  // Within one experiment the axes are in the names; between experiments nobody sees what else changed.
  const hidden = run.experimentId === reference.experimentId || run.kind !== reference.kind ? [] : differing.filter((name) => !judging.includes(name))
  if (hidden.length > 1) warnings.push(`${nameOf(run.id)} and ${nameOf(reference.id)} differ in ${hidden.join(', ')}: the difference cannot be put down to one of them.`)
  return warnings
}

function missingWarnings({ run, columns }: Arm, { metric, nameOf }: Compared): string[] {
  const { scored, errors, unscored } = countsOf(columns)
  const missing = errors + unscored
  if (missing === 0) return []
  const total = columns.itemIds.length
  const base = `${nameOf(run.id)} has no score for ${missing} of ${total} items (${errors} failed, ${unscored} unscored); they are left out, not counted as wrong.`
  if (missing < MANY_MISSING * total || !metric.bounded || scored === 0) return [base]
  const sum = columns.scores.reduce((all, score) => (Number.isNaN(score) ? all : all + score), 0)
  const [worst, best] = metric.higherIsBetter ? [sum, sum + missing] : [sum + missing, sum]
  return [`${base} Were all of them as bad as can be its ${metric.label} would be ${share(worst / total)}, as good as can be ${share(best / total)}.`]
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`
}

function statusWarnings({ run, columns }: Arm, { nameOf }: Compared): string[] {
  if (run.status === 'succeeded') return []
  return [`${nameOf(run.id)} is ${run.status}: its figures cover the ${columns.itemIds.length} items done so far.`]
}

function setWarnings({ arms }: Compared): string[] {
  const warnings: string[] = []
  if (arms.some(({ run }) => run.race != null)) warnings.push('Some of these runs were raced: how many items they answered depends on how they did, so their scores and p-values here flatter the winner a little; the race’s own limits allow for it.')
  if (haveRepeats(arms.map(({ run }) => run))) warnings.push('Some of these runs are repeats of one cell; pool them to compare the cells, with an item’s mean over its repeats as its score.')
  if (arms.length > 2) warnings.push(`The best of ${arms.length} runs was picked on the same items that measure it, so its score is probably too good (winner’s curse); confirm it on items held out.`)
  return warnings
}
