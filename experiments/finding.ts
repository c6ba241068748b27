/* What a comparison found, in sentences: each with n and an interval, in the reader's language. */
import type { PairedTest } from '../server/contracts/index.js'
import type { Metric } from './metrics.js'
import { quoted, sharedParts, toldApart } from './run-names.js'
import type { Telling, Wording } from './wording.js'

/** A figure with as many decimals as it deserves: three significant digits, no exponent. */
function compact(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  const decimals = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(size))))
  return value.toFixed(decimals).replace(/\.?0+$/, (tail) => (tail.startsWith('.') ? '' : tail))
}

interface Measured {
  metric: Metric
  wording: Wording
}

/** A difference in the unit of its metric: points for proportions (0.062 is 6.2 points). */
function amount(value: number, { metric, wording }: Measured): string {
  return metric.estimator === 'proportion' ? wording.fixed(100 * value, 1) : wording.figure(compact(value))
}

/** A difference with its unit. */
export function quantity(value: number, measured: Measured): string {
  return `${amount(value, measured)}${measured.wording.unitOf(measured.metric)}`
}

const TESTS_IN_WORDS: Readonly<Record<string, readonly [en: string, pt: string]>> = {
  'mcnemar-exact': ['McNemar', 'McNemar'],
  'mcnemar-mid-p': ['McNemar, mid-p', 'McNemar, mid-p'],
  permutation: ['permutation test', 'teste de permutação'],
  wilcoxon: ['Wilcoxon', 'Wilcoxon'],
  'paired-t': ['paired t-test', 'teste t pareado'],
  'approximate-randomization': ['approximate randomization', 'aleatorização aproximada'],
  'paired-bootstrap': ['paired bootstrap', 'bootstrap pareado'],
}

type Tested = Omit<PairedTest, 'sentence' | 'nonInferiority' | 'costBasis' | 'expectedCost'>

function formatP(p: number, wording: Wording): string {
  return p < 0.001 ? `p < ${wording.figure('0.001')}` : `p = ${wording.fixed(p, 3)}`
}

/** The interval, n and p of a test, as they stand in brackets; `sign` −1 where the difference is told the other way round. */
function evidence(test: Tested, telling: Telling, sign: 1 | -1): string {
  const { say } = telling.wording
  const ends = test.low === null || test.high === null ? [] : [sign * test.low, sign * test.high].sort((a, b) => a - b)
  const [low, high] = ends
  const interval = low === undefined || high === undefined ? say('no interval', 'sem intervalo') : `${say('95 % interval', 'intervalo de 95 %:')} ${amount(low, telling)} ${say('to', 'a')} ${amount(high, telling)}`
  const isCorrected = test.p !== null && test.pAdjusted !== null && test.pAdjusted !== test.p
  const method = TESTS_IN_WORDS[test.method]
  const told = method === undefined ? test.method : say(...method)
  const corrected = isCorrected ? say(' corrected for the number of runs', ' corrigido pelo número de execuções') : ''
  const p = test.pAdjusted === null ? say('too few items for a test', 'itens de menos para um teste') : `${formatP(test.pAdjusted, telling.wording)}${corrected}, ${told}`
  return `(${interval}; n = ${test.n} ${say('paired items', 'itens pareados')}; ${p})`
}

function detectable(test: Tested, telling: Telling): string {
  if (test.minimumDetectable === null) return ''
  const least = quantity(test.minimumDetectable, telling)
  return telling.wording.say(`; a true difference of ${least} would be found in 80 % of such comparisons`, `; uma diferença real de ${least} seria encontrada em 80 % de comparações assim`)
}

/** One test in a sentence. @param names.inFull where more runs than these two are spoken of, and what both share tells them from the others */
export function testSentence(test: Tested, names: { run: string; baseline: string; inFull?: boolean }, telling: Telling): string {
  const { metric, wording } = telling
  const { say } = wording
  const label = wording.labelOf(metric)
  const [run, baseline] = names.inFull === true ? [quoted(names.run), quoted(names.baseline)] : toldApart([names.run, names.baseline])
  if (test.verdict === 'not distinguishable') {
    const difference = `${test.difference > 0 ? '+' : ''}${quantity(test.difference, telling)} ${evidence(test, telling, 1)}${detectable(test, telling)}`
    return say(`${run} and ${baseline} are not distinguishable on ${label}: difference ${difference}.`, `${run} e ${baseline} não se distinguem em ${label}: diferença de ${difference}.`)
  }
  const direction = test.difference > 0 ? 1 : -1
  const more = test.difference > 0 ? say('higher', 'valor maior') : say('lower', 'valor menor')
  const how = metric.higherIsBetter ? '' : `, ${more}`
  const by = `${quantity(Math.abs(test.difference), telling)}${how} ${evidence(test, telling, direction)}`
  return say(`${run} is ${test.verdict} than ${baseline} on ${label} by ${by}.`, `${run} é ${test.verdict === 'better' ? 'melhor' : 'pior'} que ${baseline} em ${label} por ${by}.`)
}

/** The finding of a whole comparison: how many runs differ from the baseline, and the best of them. */
export function findingSentence(tests: readonly PairedTest[], names: ReadonlyMap<string, string>, telling: Telling): string {
  const { metric, wording } = telling
  const { say } = wording
  const nameOf = (id: string): string => names.get(id) ?? id
  const [only] = tests
  const label = wording.labelOf(metric)
  if (!only) return say(`Nothing to compare on ${label}: no other run has scored the same items as the baseline.`, `Nada a comparar em ${label}: nenhuma outra execução tem nota nos mesmos itens que a referência.`)
  const sentence = (test: PairedTest, inFull: boolean): string => testSentence(test, { run: nameOf(test.runId), baseline: nameOf(test.baselineId), inFull }, telling)
  if (tests.length === 1) return sentence(only, false)
  const sign = metric.higherIsBetter ? 1 : -1
  const best = tests.reduce((a, b) => (sign * b.difference > sign * a.difference ? b : a))
  const [better, worse, neither] = (['better', 'worse', 'not distinguishable'] as const).map((verdict) => tests.filter((test) => test.verdict === verdict).length)
  const baseline = quoted(nameOf(only.baselineId))
  return say(
    `Of ${tests.length} runs against ${baseline}, ${better} better, ${worse} worse and ${neither} not distinguishable. Best of these ${tests.length}: ${sentence(best, true)}`,
    `De ${tests.length} execuções contra ${baseline}, melhores: ${better}, piores: ${worse}, indistinguíveis: ${neither}. A melhor dessas ${tests.length}: ${sentence(best, true)}`,
  )
}

/** Which runs may be the best, instead of a ranking that the data do not carry. */
export function bestSentence(names: readonly string[], compared: number, { metric, wording }: Telling): string {
  const { say } = wording
  const label = wording.labelOf(metric)
  const [first] = names
  if (first === undefined || compared < 2) return ''
  if (names.length === 1) {
    return say(
      `${first} is the best of ${compared} runs on ${label}: in paired tests it beats each of the others.`,
      `${first} é a melhor de ${compared} execuções em ${label}: nos testes pareados ela vence cada uma das outras.`,
    )
  }
  const short = toldApart(names)
  const shared = short[0] === quoted(first) ? '' : ` (${say('all with', 'todas com')} ${sharedParts(names).join(', ')})`
  const some = `${short.length <= 6 ? wording.listed(short) : wording.listed([...short.slice(0, 5), say(`${short.length - 5} more`, `mais ${short.length - 5}`)])}${shared}`
  const all = names.length < compared ? some : compared === 2 ? say('Both runs', 'As duas execuções') : say(`All ${compared} runs`, `Todas as ${compared} execuções`)
  return say(
    `${all} are statistically tied for the best on ${label}: none of them is beaten by the one with the highest score, ${quoted(first)}.`,
    `${all} estão estatisticamente empatadas como a melhor em ${label}: nenhuma delas é vencida pela de melhor resultado, ${quoted(first)}.`,
  )
}

export interface PricedName {
  name: string
  costPerItemUsd: number | null
  latencyP50Ms: number | null
}

/** `what` with its article, as Portuguese needs it. */
function saving(mine: number | null, theirs: number | null, { what, wording }: { what: readonly [en: string, pt: string]; wording: Wording }): string | null {
  if (mine === null || theirs === null || theirs <= 0 || mine === theirs) return null
  const { say } = wording
  const [en, pt] = what
  const share = Math.abs(1 - mine / theirs)
  const percent = wording.fixed(100 * share, share < 0.1 ? 1 : 0)
  if (mine < theirs) return say(`${percent} % less ${en}`, `${percent} % a menos de ${pt}`)
  const times = wording.fixed(mine / theirs, 1)
  return mine / theirs >= 2 ? say(`${times} times the ${en}`, `${times} vezes o valor de ${pt}`) : say(`${percent} % more ${en}`, `${percent} % a mais de ${pt}`)
}

/** Whether a run is not worse than the baseline by the margin or more, with what it costs beside it. */
export function nonInferioritySentence(test: Tested & { nonInferiority: { margin: number; pAdjusted: number | null; verdict: string } }, names: { run: PricedName; baseline: PricedName }, telling: Telling): string {
  const { margin, pAdjusted, verdict } = test.nonInferiority
  const { wording } = telling
  const { say } = wording
  const { run, baseline } = names
  const [mine, theirs] = toldApart([run.name, baseline.name])
  const takes = [
    saving(run.costPerItemUsd, baseline.costPerItemUsd, { what: ['cost', 'custo'], wording }),
    saving(run.latencyP50Ms, baseline.latencyP50Ms, { what: ['latency (p50)', 'latência (p50)'], wording }),
  ].filter((part) => part !== null)
  const price = takes.length === 0 ? '' : say(` It takes ${wording.listed(takes)}.`, ` Ela tem ${wording.listed(takes)}.`)
  const by = quantity(margin, telling)
  const label = wording.labelOf(telling.metric)
  const p = pAdjusted === null ? say('too few items for a test', 'itens de menos para um teste') : `${say('one-sided', 'unilateral')} ${formatP(pAdjusted, wording)}`
  if (verdict === 'not worse') return say(`${mine} is not worse than ${theirs} on ${label} by ${by} or more (${p}, n = ${test.n}).${price}`, `${mine} não é pior que ${theirs} em ${label} por ${by} ou mais (${p}, n = ${test.n}).${price}`)
  if (verdict === 'worse') {
    return say(
      `${mine} is worse than ${theirs} on ${label} by more than ${by}: its whole 95 % interval says so (n = ${test.n}).${price}`,
      `${mine} é pior que ${theirs} em ${label} por mais de ${by}: é o que diz todo o seu intervalo de 95 % (n = ${test.n}).${price}`,
    )
  }
  return say(`Whether ${mine} is worse than ${theirs} on ${label} by ${by} or more is not settled (${p}, n = ${test.n}).${price}`, `Não está decidido se ${mine} é pior que ${theirs} em ${label} por ${by} ou mais (${p}, n = ${test.n}).${price}`)
}
