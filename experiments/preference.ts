/* What people prefer, item by item, and how far they agree: the statistics of a blind review. Pure. */
import { alphaInterval, cohenKappa, kappaInterval, krippendorffAlpha } from './statistics/agreement.js'
import { clipToUnit, meanInterval, proportionInterval, wilson } from './statistics/intervals.js'
import { mcnemarExact } from './statistics/mcnemar.js'
import type { Agreement, PreferenceResult, VerdictResult } from '../server/contracts/index.js'
import { Wording, type Language } from './wording.js'

/** One person's answer to one pair: whose answer is better, and whose stood on the left. */
export interface Vote {
  itemId: string
  annotator: string
  choice: 'a' | 'b' | 'tie'
  left: 'a' | 'b'
}

export interface Told {
  a: string
  b: string
  language: Language
}

type Figures = Omit<PreferenceResult, 'sentence' | 'identical' | 'a' | 'b'>

const VALUES = { a: 0, tie: 0.5, b: 1 }

/**
 * The share of B over items. An item is one observation however many people judged it: its value is the mean
 * of their choices (A 0, tie ½, B 1), the interval is over items (Wilson where all are 0 or 1, else Student's t).
 * The test is the sign test on the items where more people choose one side than the other (exact binomial at ½).
 */
export function preferenceOf(votes: readonly Vote[]): Figures {
  const items = [...Map.groupBy(votes, ({ itemId }) => itemId).values()]
  const values = items.map((choices) => choices.reduce((sum, { choice }) => sum + VALUES[choice], 0) / choices.length)
  const [wins, losses] = [values.filter((value) => value > 0.5).length, values.filter((value) => value < 0.5).length]
  const chosen = votes.filter(({ choice }) => choice !== 'tie')
  const left = chosen.filter((vote) => vote.choice === vote.left).length
  return {
    n: values.length,
    votes: votes.length,
    wins,
    losses,
    ties: values.length - wins - losses,
    ...shareOf(values),
    p: wins + losses === 0 ? null : mcnemarExact(wins, losses),
    left: { n: chosen.length, share: chosen.length === 0 ? null : left / chosen.length, ...(chosen.length === 0 ? { low: null, high: null } : wilson(left, chosen.length)), p: chosen.length === 0 ? null : mcnemarExact(left, chosen.length - left) },
    annotators: countsOf(votes),
    agreement: agreementOf(votes.map(({ itemId, annotator, choice }) => ({ itemId, annotator, label: choice }))),
  }
}

function shareOf(values: readonly number[]): { share: number | null; low: number | null; high: number | null } {
  if (values.length === 0) return { share: null, low: null, high: null }
  const isBinary = values.every((value) => value === 0 || value === 1)
  // With no spread at all a t interval would have no width; Wilson's bounds any share in [0, 1].
  const { mean, low, high } = isBinary ? proportionInterval({ values }) : clipToUnit(meanInterval({ values }))
  return { share: mean, low, high }
}

export interface Label {
  itemId: string
  annotator: string
  label: string
}

/** Good or bad, by item: the share of good ones, one observation per item, and agreement. */
export function verdictsOf(labels: readonly Label[]): Omit<VerdictResult, 'runId'> {
  const values = [...Map.groupBy(labels, ({ itemId }) => itemId).values()].map((said) => said.filter(({ label }) => label === 'good').length / said.length)
  return { n: values.length, votes: labels.length, ...shareOf(values), annotators: countsOf(labels), agreement: agreementOf(labels) }
}

function countsOf(said: readonly { annotator: string }[]): { name: string; answered: number }[] {
  return [...Map.groupBy(said, ({ annotator }) => annotator)].map(([name, own]) => ({ name, answered: own.length })).sort((x, y) => (x.name < y.name ? -1 : 1))
}

/** Over the items that at least two people judged; null where nobody shares an item. */
function agreementOf(labels: readonly Label[]): Agreement | null {
  const people = [...new Set(labels.map(({ annotator }) => annotator))].sort()
  const shared = [...Map.groupBy(labels, ({ itemId }) => itemId).values()].filter((said) => said.length > 1)
  if (shared.length === 0) return null
  const ratings = people.map((name) => shared.map((said) => said.find(({ annotator }) => annotator === name)?.label ?? null))
  const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)
  const alpha = alphaInterval(ratings)
  const unanimous = shared.filter((said) => new Set(said.map(({ label }) => label)).size === 1).length
  const [one, two, ...others] = ratings
  const isPair = one !== undefined && two !== undefined && others.length === 0
  const [left, right] = isPair ? [one.filter((label) => label !== null), two.filter((label) => label !== null)] : [[], []]
  const kappa = isPair ? { kappa: finite(cohenKappa(left, right)), kappaLow: kappaInterval(left, right)?.low ?? null, kappaHigh: kappaInterval(left, right)?.high ?? null } : { kappa: null, kappaLow: null, kappaHigh: null }
  return { n: shared.length, unanimous, alpha: finite(krippendorffAlpha(ratings)), low: alpha?.low ?? null, high: alpha?.high ?? null, ...kappa }
}

/** What people prefer, in a sentence with n, interval and test. */
export function preferenceSentence(result: Figures, { a, b, language }: Told): string {
  const wording = new Wording(language)
  const { say } = wording
  const { n, share, low, high, p, wins, losses, ties } = result
  if (n === 0 || share === null) return say('Nobody has judged these answers yet.', 'Ninguém julgou estas respostas ainda.')
  const percent = (value: number): string => `${wording.fixed(100 * value, 1)} %`
  const interval = low === null || high === null ? say('no interval', 'sem intervalo') : say(`95 % interval ${percent(low)} to ${percent(high)}`, `intervalo de 95 %: ${percent(low)} a ${percent(high)}`)
  const test = p === null ? say('only ties, so nothing to test', 'só empates, nada a testar') : `${p < 0.001 ? `p < ${wording.figure('0.001')}` : `p = ${wording.fixed(p, 3)}`}, ${say('sign test', 'teste do sinal')}`
  const isClear = p !== null && p < 0.05 && low !== null && high !== null && (low > 0.5 || high < 0.5)
  const figures = say(
    `${percent(share)} for ${b}, ties as half (${interval}; n = ${n} items: ${wins} won, ${losses} lost, ${ties} tied; ${test})`,
    `${percent(share)} para ${b}, empates pela metade (${interval}; n = ${n} itens, vitórias ${wins}, derrotas ${losses}, empates ${ties}; ${test})`,
  )
  if (!isClear) return say(`People do not clearly prefer ${a} or ${b}: ${figures}.`, `As pessoas não preferem claramente ${a} nem ${b}: ${figures}.`)
  const [liked, other] = share > 0.5 ? [b, a] : [a, b]
  return say(`People prefer ${liked} to ${other}: ${figures}.`, `As pessoas preferem ${liked} a ${other}: ${figures}.`)
}
