/** The manager's answer in sentences, and why each other run is not it. */
import type { Tradeoff, TradeoffRun } from '../../../../server/contracts/tradeoff.js'
import { type Dearer, differences, type JudgedOption, optionsOf, type PairedDifference, type Recommendation, recommend } from '../../../../experiments/recommend.js'
import type { Spread } from '../../../../server/contracts/expected-cost.js'
import { formatCost, formatCount, formatInterval, formatMetric, formatMs, metricStyle, shorten } from '../../format.js'
import { say } from '../../i18n.js'
import { plural, valuesOnly } from '../../words.js'
import type { Asked } from './demands.js'

/** All that the page says, from what was measured and what is asked for. */
export class Verdict {
  readonly recommendation: Recommendation
  readonly differences: ReadonlyMap<string, Dearer>
  readonly #judged: ReadonlyMap<string, JudgedOption>
  readonly #runs: ReadonlyMap<string, TradeoffRun>
  readonly #names: ReadonlyMap<string, string>

  constructor(readonly tradeoff: Tradeoff, readonly asked: Asked, tests: readonly PairedDifference[]) {
    const options = optionsOf(tradeoff)
    this.recommendation = recommend(options, asked)
    this.differences = new Map(differences(options, this.recommendation, { demands: asked, tests }).map((one) => [one.id, one]))
    this.#judged = new Map(this.recommendation.options.map((one) => [one.id, one]))
    this.#runs = new Map(tradeoff.runs.map((run) => [run.id, run]))
    this.#names = distinctNames(tradeoff.runs)
  }

  get chosen(): TradeoffRun | null {
    return this.#runs.get(this.recommendation.chosenId ?? '') ?? null
  }

  nameOf(id: string): string {
    return this.#names.get(id) ?? id
  }

  /** Beside a point there is little room: of several parameters the values alone. */
  shortNameOf(id: string): string {
    return valuesOnly(this.nameOf(id))
  }

  judged(id: string): JudgedOption | null {
    return this.#judged.get(id) ?? null
  }

  /** Runs within the limits that the data do not tell from the choice. */
  get tied(): string[] {
    return [...this.differences.values()].filter(({ isClear }) => !isClear).map(({ id }) => id)
  }

  get headline(): string {
    const { chosen, tradeoff } = this
    if (chosen === null) return this.#nothingFits()
    const { basis } = this.recommendation
    const judged = this.judged(chosen.id)
    const name = this.#quoted(chosen.id)
    const style = metricStyle(tradeoff.metric ?? '')
    if (basis === 'score' || judged?.monthlyUsd == null) {
      const value = `${style.label} ${formatMetric(chosen.summary.mean, style)}${inBrackets(formatInterval(chosen.summary.low, chosen.summary.high, style))}`
      const errors = judged?.errorsUsd == null ? '' : say(` Its errors alone would cost ${money(judged.errorsUsd)} a month.`, ` Só os seus erros custariam ${money(judged.errorsUsd)} por mês.`)
      return say(
        `Choose ${name}: the highest score within the limits, ${value}. What it costs to run is not known, so the choice rests on the score.${errors}`,
        `Escolha ${name}: a maior pontuação dentro dos limites, ${value}. Não se sabe quanto custa executá-la; por isso a escolha se apoia na pontuação.${errors}`,
      )
    }
    const parts = `${usd(judged.runningUsd)} ${say('to run it', 'para executá-la')} ${say('and', 'e')} ${usd(judged.errorsUsd?.mean)} ${say('for errors', 'pelos erros')}`
    return say(`Choose ${name}: the lowest expected cost within the limits, ${money(judged.monthlyUsd)} a month: ${parts}.`, `Escolha ${name}: o menor custo esperado dentro dos limites, ${money(judged.monthlyUsd)} por mês: ${parts}.`)
  }

  get tiedSentence(): string {
    const { tied } = this
    if (this.chosen === null || this.differences.size === 0) return ''
    const n = Math.min(...[...this.differences.values()].map((one) => one.n))
    const paired = say(`n = ${formatCount(n)} paired items, 5 % shared by ${formatCount(this.differences.size)} tests`, `n = ${formatCount(n)} itens pareados, 5 % repartidos entre ${formatCount(this.differences.size)} testes`)
    if (tied.length === 0) return say(`Each other run within the limits is clearly ${this.recommendation.basis === 'cost' ? 'dearer' : 'worse'} (${paired}).`, `Cada uma das demais dentro dos limites é claramente ${this.recommendation.basis === 'cost' ? 'mais cara' : 'pior'} (${paired}).`)
    const names = listed(tied.map((id) => this.#quoted(id)), 3)
    return say(`Not distinguishable from it: ${names} (${paired}): the data do not tell which of them is better.`, `Não distinguíveis dela: ${names} (${paired}): os dados não dizem qual é melhor.`)
  }

  /** Why the cheapest to run and the fastest are not the choice. */
  get fallenOut(): string[] {
    const { chosen, tradeoff } = this
    if (chosen === null) return []
    const fallen = tradeoff.runs.filter(({ id }) => id !== chosen.id && !this.tied.includes(id))
    const cheapest = lowest(fallen, (run) => run.costPer1000Usd?.mean ?? null)
    const fastest = lowest(fallen, (run) => run.latency?.p95Ms ?? null)
    const sentences: string[] = []
    if (cheapest && chosen.costPer1000Usd && (cheapest.costPer1000Usd?.mean ?? Infinity) < chosen.costPer1000Usd.mean) {
      sentences.push(say(`Cheaper to run is ${this.#quoted(cheapest.id)} (${usd(cheapest.costPer1000Usd?.mean)} per 1,000): ${this.reason(cheapest.id)}.`, `Mais barata de executar é ${this.#quoted(cheapest.id)} (${usd(cheapest.costPer1000Usd?.mean)} por mil): ${this.reason(cheapest.id)}.`))
    }
    if (fastest && fastest !== cheapest && chosen.latency && (fastest.latency?.p95Ms ?? Infinity) < chosen.latency.p95Ms) {
      sentences.push(say(`Faster is ${this.#quoted(fastest.id)} (p95 ${formatMs(fastest.latency?.p95Ms)}): ${this.reason(fastest.id)}.`, `Mais rápida é ${this.#quoted(fastest.id)} (p95 ${formatMs(fastest.latency?.p95Ms)}): ${this.reason(fastest.id)}.`))
    }
    return sentences
  }

  /** Why a run is not the choice, or that it is. */
  reason(id: string): string {
    const [run, judged] = [this.#runs.get(id), this.judged(id)]
    if (run === undefined || judged === null) return ''
    const style = metricStyle(this.tradeoff.metric ?? '')
    switch (judged.standing) {
      case 'chosen': return say('the choice', 'a escolha')
      case 'too slow': return say(`too slow, p95 ${formatMs(run.latency?.p95Ms)}`, `lenta demais, p95 ${formatMs(run.latency?.p95Ms)}`)
      case 'latency unknown': return say('its latency is not known', 'não se sabe a sua latência')
      case 'not good enough': return say(`below the minimum with ${formatMetric(run.summary.mean, style)}`, `abaixo do mínimo, com ${formatMetric(run.summary.mean, style)}`)
      case 'cost unknown': return say('its running cost is not known', 'não se sabe o seu custo de execução')
      case 'no score': return say('it has no score', 'não tem pontuação')
      default: return this.#difference(id)
    }
  }

  /** Within a sentence a name of several parts must hold together. */
  #quoted(id: string): string {
    const name = this.nameOf(id)
    return name.includes(',') ? `“${name}”` : name
  }

  #difference(id: string): string {
    const found = this.differences.get(id)
    const isCost = this.recommendation.basis === 'cost'
    if (found === undefined) {
      const [mine, best] = [this.judged(id), this.chosen === null ? null : this.judged(this.chosen.id)]
      if (isCost && mine?.monthlyUsd != null && mine.monthlyUsd.mean === best?.monthlyUsd?.mean) return say('the same expected cost', 'o mesmo custo esperado')
      return isCost ? say('higher expected cost', 'custo esperado maior') : say('lower score', 'pontuação menor')
    }
    const style = metricStyle(this.tradeoff.metric ?? '')
    const amount = isCost ? money(found.more) : `${inPoints(formatMetric(found.more.mean, style))}${inBrackets(inPoints(formatInterval(found.more.low, found.more.high, style)))}`
    const text = isCost ? say(`${amount} a month more`, `${amount} a mais por mês`) : say(`score lower by ${amount}`, `pontuação menor em ${amount}`)
    return found.isClear ? text : say(`not distinguishable: ${text}`, `não distinguível: ${text}`)
  }

  #nothingFits(): string {
    const count = (standing: JudgedOption['standing']): number => this.recommendation.options.filter((one) => one.standing === standing).length
    const reasons = [
      [count('too slow'), say('too slow', 'lentas demais')],
      [count('not good enough'), say('below the minimum', 'abaixo do mínimo')],
      [count('latency unknown'), say('of unknown latency', 'de latência desconhecida')],
      [count('no score'), say('without a score', 'sem pontuação')],
    ].filter(([many]) => many !== 0).map(([many, word]) => `${many} ${word}`)
    return say(`No run meets these limits: ${reasons.join(', ')}.`, `Nenhuma execução atende a estes limites: ${reasons.join(', ')}.`)
  }
}

/** Nobody plans a month's bill to the cent; a difference may be negative. `beside`: the largest sum that stands with it, as rounded as which it is. */
export function usd(value: number | null | undefined, beside = 0): string {
  if (value == null) return formatCost(null)
  const size = Math.abs(value)
  return `${value < 0 ? '\u2212' : ''}${Math.max(size, beside) >= 1000 ? `$${formatCount(size)}` : formatCost(size)}`
}

export function money({ mean, low, high }: Spread): string {
  if (low === null || high === null) return usd(mean)
  const largest = Math.max(...[mean, low, high].map(Math.abs))
  return `${usd(mean, largest)}${inBrackets(`${usd(low, largest)}${say(' to ', ' a ')}${usd(high, largest)}`)}`
}

/** Shares differ by percentage points. */
const inPoints = (text: string): string => text.replaceAll('%', say('pp', 'p.p.'))
const inBrackets = (interval: string): string => (interval === '' ? '' : ` (${say('95 % interval', 'intervalo de 95 %')} ${interval})`)

export function listed(names: readonly string[], most: number): string {
  const shown = names.slice(0, most)
  const more = names.length - shown.length
  const and = say(' and ', ' e ')
  if (more > 0) return `${shown.join(', ')}${and}${plural(more, say('more', 'outra'), say('more', 'outras'))}`
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')}${and}${shown.at(-1) ?? ''}`
}

function lowest(runs: readonly TradeoffRun[], valueOf: (run: TradeoffRun) => number | null): TradeoffRun | null {
  return runs.reduce<TradeoffRun | null>((best, run) => {
    const [value, record] = [valueOf(run), best === null ? null : valueOf(best)]
    return value !== null && (record === null || value < record) ? run : best
  }, null)
}

/** Names are unique within an experiment only; templates are long. */
function distinctNames(runs: readonly TradeoffRun[]): Map<string, string> {
  const named = Map.groupBy(runs, ({ name }) => name)
  return new Map(runs.map(({ id, name, experimentName }) => [id, shorten((named.get(name)?.length ?? 0) > 1 ? `${name} · ${experimentName}` : name, 60)]))
}
