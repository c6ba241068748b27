/* What a race says of its runs, in both languages: why one was stopped, and how the race ended. */
import type { RacePlan } from '../server/contracts/index.js'
import { quantity } from './finding.js'
import type { NamedMetric } from './metrics.js'
import type { RaceDecision, Stopped } from './race.js'
import { quoted, toldApart } from './run-names.js'
import { type Language, LANGUAGES, Wording } from './wording.js'

interface Told {
  plan: RacePlan
  /** Numbers of items at the looks so far. */
  looks: readonly number[]
  metric: NamedMetric
  /** Names of the runs by id. */
  names: ReadonlyMap<string, string>
}

/** One sentence, once in each language: readers of both look at the same run later. */
export type Sentences = Readonly<Record<Language, string>>

const inBoth = (write: (wording: Wording) => string): Sentences => {
  const [en, pt] = LANGUAGES.map((language) => write(new Wording(language)))
  return { en: en ?? '', pt: pt ?? '' }
}

/** p-values of early looks are far below what tables show. */
function small(p: number, wording: Wording): string {
  return p < 0.001 ? wording.figure(p.toExponential(1).replace('e-', ' × 10^−')) : wording.fixed(p, 4)
}

function when({ plan, looks }: Told, { say }: Wording): string {
  const [look, items] = [looks.length, looks.at(-1) ?? 0]
  return say(`look ${look} of ${plan.looks.length}, after ${items} of ${plan.items} items`, `olhada ${look} de ${plan.looks.length}, depois de ${items} de ${plan.items} itens`)
}

/** Why a run was stopped. */
export function stopReason(stopped: Stopped, { leaderId, limit }: Pick<RaceDecision, 'leaderId' | 'limit'>, told: Told): Sentences {
  const { metric, names } = told
  return inBoth((wording) => {
    const { say } = wording
    const name = names.get(leaderId ?? '')
    const leader = name === undefined ? say('the leader', 'a líder') : toldApart([name, names.get(stopped.id) ?? ''])[0]
    const label = wording.labelOf(metric)
    const by = quantity(Math.abs(stopped.difference), { metric, wording })
    const [p, atLook] = [small(stopped.p, wording), small(limit, wording)]
    return say(
      `Stopped at ${when(told, wording)}: worse than ${leader} on ${label} by ${by} (n = ${stopped.n} paired items; p = ${p}, and the limit at this look was ${atLook}).`,
      `Parada na ${when(told, wording)}: pior que ${leader} em ${label} por ${by} (n = ${stopped.n} itens pareados; p = ${p}, e o limite nesta olhada era ${atLook}).`,
    )
  })
}

/** How a race ended for those that were left; null while it goes on. */
export function raceEnding({ end, left }: Pick<RaceDecision, 'end' | 'left'>, told: Told): Sentences | null {
  return end === null ? null : inBoth((wording) => endingIn(wording, { end, left }, told))
}

function endingIn(wording: Wording, { end, left }: { end: 'won' | 'items' | 'calls'; left: readonly string[] }, told: Told): string {
  const { say } = wording
  const { metric, names, plan } = told
  const label = wording.labelOf(metric)
  const percent = wording.figure(String(100 * plan.error))
  if (end === 'won') {
    return say(
      `Won the race at ${when(told, wording)}: each of the others was worse on ${label} by a paired test at ${percent} % for the whole race.`,
      `Venceu a corrida na ${when(told, wording)}: cada uma das outras foi pior em ${label} num teste pareado a ${percent} % para a corrida inteira.`,
    )
  }
  if (left.length === 1) {
    const name = quoted(names.get(left[0] ?? '') ?? say('this run', 'esta execução'))
    return say(`Alone at the end: ${name} answered all it may, and its rivals were stopped or failed.`, `Sozinha no fim: ${name} respondeu tudo o que podia, e suas rivais foram paradas ou falharam.`)
  }
  const cause = end === 'items' ? say(`all ${plan.items} items are answered`, `todos os ${plan.items} itens foram respondidos`) : say(`the ${plan.calls ?? 0} answers allowed are given`, `as ${plan.calls ?? 0} respostas permitidas foram dadas`)
  return say(
    `Tied for the best on ${label} when ${cause}: ${left.length} runs are left, and none of them is clearly worse than the leader.`,
    `Empatadas como a melhor em ${label} quando ${cause}: restam ${left.length} execuções, e nenhuma delas é claramente pior que a líder.`,
  )
}
