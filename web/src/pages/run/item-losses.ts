/** What the losses of single validation items say: which ones rise between two checkpoints, and whether a difference is more than noise. Pure. */
import { lossDifference, type LossDifference } from '../../../../experiments/generalization.js'
import type { LossTable } from '../../../../server/contracts/http.js'
import { formatCount, formatSigned } from '../../format.js'
import { say } from '../../i18n.js'

export interface ItemChange {
  id: string
  tokens: number
  from: number
  to: number
  change: number
  /** Loss at each evaluation, by step; NaN where it is not a number or was not measured. */
  course: readonly number[]
}

const lossesAt = (table: LossTable, step: number): number[] | null => table.evaluations.find((evaluation) => evaluation.step === step)?.losses.map((loss) => Number(loss ?? Number.NaN)) ?? null

/** Largest rise first. Items without a finite loss at both steps come last. */
export function itemChanges(table: LossTable, from: number, to: number): ItemChange[] {
  const [before, after] = [lossesAt(table, from), lossesAt(table, to)]
  if (before === null || after === null) return []
  const changes = table.items.map(({ id, tokens }, index): ItemChange => {
    const [start, end] = [before[index] ?? Number.NaN, after[index] ?? Number.NaN]
    return { id, tokens, from: start, to: end, change: end - start, course: table.evaluations.map(({ losses }) => Number(losses[index] ?? Number.NaN)) }
  })
  const rank = ({ change }: ItemChange): number => (Number.isFinite(change) ? change : -Infinity)
  return changes.sort((a, b) => rank(b) - rank(a) || 0)
}

/** The two evaluations that the page compares: as the address asks, else from the recommended one to the last. */
export function stepsAsked(query: Pick<URLSearchParams, 'get'>, table: LossTable, best: number | null): { from: number; to: number } {
  const steps = table.evaluations.map(({ step }) => step)
  const stepOf = (key: string, otherwise: number): number => {
    const asked = Number.parseInt(query.get(key) ?? '', 10)
    return steps.includes(asked) ? asked : otherwise
  }
  const last = steps.at(-1) ?? 0
  return { from: stepOf('rise', best !== null && best !== last && steps.includes(best) ? best : (steps[0] ?? 0)), to: stepOf('upto', last) }
}

export function pairedDifference(table: LossTable, from: number, to: number): LossDifference | null {
  const [before, after] = [lossesAt(table, from), lossesAt(table, to)]
  return before === null || after === null ? null : lossDifference({ step: from, losses: before }, { step: to, losses: after }, table.items.map(({ tokens }) => tokens))
}

/** Each evaluation against the chosen one, on the same items. */
export function againstBest(table: LossTable, best: number): ReadonlyMap<number, LossDifference> {
  return new Map(table.evaluations.flatMap(({ step }) => {
    const difference = step === best ? null : pairedDifference(table, best, step)
    return difference === null ? [] : [[step, difference] as const]
  }))
}

export const differenceInWords = ({ difference, low, high }: LossDifference): string => {
  return low === null || high === null ? formatSigned(difference) : `${formatSigned(difference)} [${formatSigned(low)}, ${formatSigned(high)}]`
}

/** Whether only a fixed random sample of the validation items left losses of their own. */
export const isSampled = ({ items, evaluatedItems }: LossTable): boolean => evaluatedItems > items.length

/** How sure the choice of `best` is. Empty where no item left its loss. */
export function noiseInWords(table: LossTable, best: number): string {
  const differences = againstBest(table, best)
  const later = [...differences].filter(([step, { low }]) => step > best && low !== null).map(([, difference]) => difference)
  const alike = [...differences].filter(([, { low, high }]) => low !== null && high !== null && low <= 0 && high >= 0).map(([step]) => step)
  const n = Math.max(0, ...[...differences.values()].map((difference) => difference.n))
  if (n < 2) return ''
  const worse = later.filter(({ low }) => low !== null && low > 0).length
  const beyond = later.length === 0 ? '' : say(`${formatCount(worse)} of ${formatCount(later.length)} later checkpoints ${worse === 1 ? 'is' : 'are'} worse beyond noise.`, `${formatCount(worse)} de ${formatCount(later.length)} checkpoints posteriores ${worse === 1 ? 'é pior' : 'são piores'} além do ruído.`)
  const steps = alike.map((step) => formatCount(step)).join(', ')
  const same = alike.length === 0 ? '' : say(`Not distinguishable from it: step ${steps}.`, `Não distinguíveis dele: passo ${steps}.`)
  const all = formatCount(table.evaluatedItems)
  const items = isSampled(table)
    ? say(`a fixed sample of ${formatCount(n)} of the ${all} validation items`, `uma amostra fixa de ${formatCount(n)} dos ${all} itens de validação`)
    : say(`the ${formatCount(n)} validation items`, `os ${formatCount(n)} itens de validação`)
  return [say(`Paired over ${items} (95 % t intervals, each by itself):`, `Pareado sobre ${items} (intervalos t de 95 %, cada um isoladamente):`), beyond, same].filter(Boolean).join(' ')
}
