/** One validation item token by token: what each token's loss is at one evaluation, and how it changed since another. Pure. */
import type { TokenLossTable } from '../../../../server/contracts/http.js'
import { formatCount, formatFloat, formatSigned } from '../../format.js'
import { say } from '../../i18n.js'

export interface TokenChange {
  /** Counted from 1, as a reader counts. */
  position: number
  text: string
  /** Loss in nats; NaN where it is not a number, or where there is no evaluation to compare with. */
  from: number
  to: number
  change: number
}

export interface Piece {
  text: string
  /** Null where the piece is only read. */
  token: TokenChange | null
}

/** Least nats of each level of colour, in both directions of a change. */
export const CHANGE_LEVELS = [0.1, 0.5, 2]
/** The same for a loss: the model gave the token a probability of e^−loss, here 90, 61, 37, 14 and 2 %. */
export const LOSS_LEVELS = [0.1, 0.5, 1, 2, 4]

/** How many of the levels a value reaches, with its sign; null where it is no number. */
export function levelOf(value: number, levels: readonly number[]): number | null {
  if (Number.isNaN(value)) return null
  const reached = levels.filter((least) => Math.abs(value) >= least).length
  return value < 0 ? -reached || 0 : reached
}

/**
 * The two evaluations to compare, as asked where this item has them; else the last one, against the one before it at which
 * the item's loss was lowest. `from` is null where there is nothing to compare with. Null without any evaluation.
 */
export function stepsToCompare({ evaluations }: TokenLossTable, asked: { from: number; to: number }): { from: number | null; to: number } | null {
  const steps = evaluations.map(({ step }) => step)
  const to = steps.includes(asked.to) ? asked.to : steps.at(-1)
  if (to === undefined) return null
  if (asked.from !== to && steps.includes(asked.from)) return { from: asked.from, to }
  const others = evaluations.filter(({ step }) => step !== to)
  const before = others.filter(({ step }) => step < to)
  const lowest = (before.length > 0 ? before : others).map(({ step, losses }) => ({ step, sum: sumOf(losses.map(Number)) })).sort((a, b) => a.sum - b.sum || 0)
  return { from: lowest[0]?.step ?? null, to }
}

export function piecesOf({ pieces, evaluations }: TokenLossTable, steps: { from: number | null; to: number }): Piece[] {
  const lossesAt = (step: number | null): readonly number[] => evaluations.find((one) => one.step === step)?.losses.map(Number) ?? []
  const [before, after] = [lossesAt(steps.from), lossesAt(steps.to)]
  let position = 0
  return pieces.map(({ text, counted }) => {
    if (!counted) return { text, token: null }
    const [from, to] = [before[position] ?? Number.NaN, after[position] ?? Number.NaN]
    position += 1
    return { text, token: { position, text, from, to, change: to - from } }
  })
}

/** What a reader sees of a token: white space and parts of characters made visible. */
export function visible(text: string): string {
  if (text === '') return '⋯'
  return /^\s+$/.test(text) ? text.replaceAll(' ', '␣').replaceAll('\n', '↵').replaceAll('\t', '⇥') : text.replaceAll('\n', '↵')
}

const MOST_NAMED = 3

/** How much the item's loss changes, and at which tokens most. */
export function changeInWords(tokens: readonly TokenChange[], steps: { from: number; to: number }): string {
  const measured = tokens.filter(({ change }) => Number.isFinite(change))
  const total = sumOf(measured.map(({ change }) => change))
  const isRise = total > 0
  const leading = measured.filter(({ change }) => (isRise ? change > 0 : change < 0)).sort((a, b) => Math.abs(b.change) - Math.abs(a.change)).slice(0, MOST_NAMED)
  const named = leading.map(({ text, change }) => `“${visible(text).trim()}” (${formatSigned(change)})`).join(', ')
  const [from, to, n, size] = [formatCount(steps.from), formatCount(steps.to), formatCount(measured.length), formatFloat(Math.abs(total))]
  if (total === 0) return say(`From step ${from} to step ${to} the loss of this item does not change.`, `Do passo ${from} ao passo ${to} a perda deste item não muda.`)
  const tokensEn = `${n} ${measured.length === 1 ? 'token' : 'tokens'}`
  const said = say(
    `From step ${from} to step ${to} the loss of this item ${isRise ? 'rises' : 'falls'} by ${size} nats over its ${tokensEn}`,
    `Do passo ${from} ao passo ${to} a perda deste item ${isRise ? 'sobe' : 'cai'} ${size} nats em ${measured.length === 1 ? 'seu' : 'seus'} ${tokensEn}`,
  )
  return leading.length === 0 ? `${said}.` : `${said}, ${say('most of all at', 'sobretudo em')} ${named}.`
}

/** Header first: each counted token with its loss at every evaluation that kept it. */
export function dataRows(table: TokenLossTable): string[][] {
  const tokens = table.pieces.filter(({ counted }) => counted)
  const head = [say('position', 'posição'), 'token', ...table.evaluations.map(({ step }) => `${say('step', 'passo')} ${step}`)]
  return [head, ...tokens.map(({ text }, index) => [String(index + 1), text, ...table.evaluations.map(({ losses }) => String(losses[index] ?? ''))])]
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
