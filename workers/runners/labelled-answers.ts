/* Holds a judge to people: answers that people have judged are judged again, and Cohen's kappa says how far both agree. */
import { cohenKappa, kappaInterval } from '../../experiments/statistics/agreement.js'
import type { Dataset } from '../../datasets/reader.js'
import type { Judge, JudgeReport, Labelled } from '../../server/contracts/index.js'
import { forEachInFlight } from '../in-flight.js'
import type { PromptItem } from '../prompt-builder.js'
import { RunFailure } from '../run-context.js'
import type { JudgingScorer } from './judges.js'
import { readItems } from './prompt-plan.js'

const IN_FLIGHT = 64

/** What people said, on the judge's scale brought to 0 to 1. */
interface LabelledAnswer {
  item: PromptItem
  answer: string
  verdict: number
}

/** @throws {RunFailure} `invalid_params` for a split or field that is not there, or a verdict off the scale */
export async function readLabelled(name: string, { scale }: Pick<Judge, 'scale'>, labelled: Labelled, dataset: Dataset): Promise<LabelledAnswer[]> {
  const { split, answer, verdict } = labelled
  const at = `scorers.${name}.people`
  if (dataset.splits[split] === undefined) throw new RunFailure('invalid_params', `${at}.split: "${dataset.manifest.name}" has no split "${split}"; it has ${Object.keys(dataset.splits).join(', ')}`)
  const items = await readItems(dataset, split)
  const [worst, best] = scale
  return items.map((item) => {
    const [text, said] = [item[answer], item[verdict]]
    if (typeof text !== 'string') throw new RunFailure('invalid_params', `${at}.answer: item "${item.id}" has no text in the field "${answer}"`)
    const number = typeof said === 'boolean' ? (said ? best : worst) : said
    const share = typeof number === 'number' ? (number - worst) / (best - worst) : NaN
    if (!(share >= 0 && share <= 1)) throw new RunFailure('invalid_params', `${at}.verdict: item "${item.id}" has ${JSON.stringify(said) ?? 'nothing'} in the field "${verdict}"; it must be a number from ${worst} to ${best}, or true or false`)
    return { item, answer: text, verdict: share }
  })
}

/** Verdicts that could not be read leave their item out. On a scale of more than two, disagreements weigh by their square. */
export async function holdToPeople(judge: JudgingScorer, labelled: readonly LabelledAnswer[], minKappa: number): Promise<NonNullable<JudgeReport['people']>> {
  const pairs: { people: number; judge: number }[] = []
  const costsUsd: (number | null)[] = []
  await forEachInFlight(labelled, IN_FLIGHT, async ({ item, answer, verdict }) => {
    const judged = await judge.judge({ item, question: item.input, answer })
    costsUsd.push(...judged.costsUsd)
    if (judged.score !== null) pairs.push({ people: verdict, judge: judged.score })
  })
  const [people, judged] = [pairs.map((pair) => pair.people), pairs.map((pair) => pair.judge)]
  const kappa = pairs.length === 0 ? NaN : cohenKappa(people, judged, 'interval')
  const interval = kappaInterval(people, judged, 'interval')
  return {
    n: pairs.length,
    kappa: Number.isNaN(kappa) ? null : kappa,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    minKappa,
    isTrusted: kappa >= minKappa,
    costUsd: costsUsd.includes(null) ? null : costsUsd.reduce((sum: number, cost) => sum + (cost ?? 0), 0),
  }
}
