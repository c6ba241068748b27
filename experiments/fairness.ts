/* What may make a comparison unfair, each in a sentence: other data, other judges, missing answers, luck. */
import type { RunStatus } from '../server/contracts/index.js'
import type { Pairwise } from './pairwise.js'
import { type Arm, haveRepeats } from './repeats.js'
import { countsOf } from './score-columns.js'
import { quoted, toldApart } from './run-names.js'
import type { Telling, Wording } from './wording.js'

interface Compared extends Telling {
  arms: readonly Arm[]
  baseline: Arm
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
    ...arms.flatMap((arm) => [...judgeWarnings(arm, compared), ...statusWarnings(arm, compared)]),
    ...setWarnings(compared),
  ]
}

function datasetWarnings({ run }: Arm, { baseline, nameOf, wording: { say } }: Compared): string[] {
  const reference = baseline.run
  const [one, other] = toldApart([nameOf(run.id), nameOf(reference.id)])
  if (run.dataset !== reference.dataset) {
    return [say(
      `${one} ran on the dataset ${run.dataset}, ${other} on ${reference.dataset}: they are not tested against each other.`,
      `${one} foi executada no conjunto de dados ${run.dataset}, ${other} em ${reference.dataset}: não são testadas uma contra a outra.`,
    )]
  }
  const [mine, theirs] = [run.environment?.datasetHash, reference.environment?.datasetHash]
  if (mine === undefined || theirs === undefined || mine === theirs) return []
  const hashes = [mine.slice(0, 8), theirs.slice(0, 8)]
  return [say(
    `${one} and ${other} ran on different versions of the dataset ${reference.dataset} (${hashes.join(' and ')}); only items with the same id and target are paired.`,
    `${one} e ${other} foram executadas em versões diferentes do conjunto de dados ${reference.dataset} (${hashes.join(' e ')}); só se pareiam itens com os mesmos id e alvo.`,
  )]
}

function itemWarnings(other: Arm, { baseline, pairwise, nameOf, wording: { say } }: Compared): string[] {
  const pairs = pairwise.pairsOf(other, baseline)
  if (pairs === null) return []
  const { shared, changed } = pairs
  const [run, reference] = toldApart([nameOf(other.run.id), nameOf(baseline.run.id)])
  const apart = other.columns.itemIds.length + baseline.columns.itemIds.length - 2 * shared
  const warnings: string[] = []
  if (shared === 0) warnings.push(say(`${run} and ${reference} have no item in common, so they cannot be compared in pairs.`, `${run} e ${reference} não têm nenhum item em comum e por isso não podem ser comparadas em pares.`))
  else if (apart > 0) {
    warnings.push(say(
      `${run} and ${reference} were not run on the same items: ${shared} are shared and compared, ${apart} are not.`,
      `${run} e ${reference} não foram executadas nos mesmos itens: ${shared} são comuns e comparados, ${apart} não.`,
    ))
  }
  if (changed > 0) {
    warnings.push(say(
      `${changed} of the items that ${run} and ${reference} share have another target in the other version; they are left out.`,
      `${changed} dos itens comuns a ${run} e ${reference} têm outro alvo na outra versão; ficam de fora.`,
    ))
  }
  return warnings
}

/** A scorer of the user's own under one name in both runs, made in two ways. */
function hasOtherScorer(metric: string, ...runs: readonly Arm['run'][]): boolean {
  const [mine, theirs] = runs.map(({ params }) => (params['scorers'] as Record<string, unknown> | undefined)?.[metric])
  return mine !== undefined && theirs !== undefined && JSON.stringify(mine) !== JSON.stringify(theirs)
}

function parameterWarnings({ run }: Arm, { baseline: { run: reference }, metric, nameOf, wording }: Compared): string[] {
  const { say } = wording
  const [one, other] = toldApart([nameOf(run.id), nameOf(reference.id)])
  const names = [...new Set([...Object.keys(run.params), ...Object.keys(reference.params)])]
  const differing = names.filter((name) => !EXECUTION.has(name) && JSON.stringify(run.params[name]) !== JSON.stringify(reference.params[name]))
  const judging = differing.filter((name) => JUDGING.test(name))
  const warnings = judging.map((name) => say(
    `${one} and ${other} were scored with another ${name}: the difference may be the judges’, not the answers’.`,
    `${one} e ${other} foram avaliadas com outro ${name}: a diferença pode ser dos juízes, não das respostas.`,
  ))
  if (hasOtherScorer(metric.id, run, reference)) {
    warnings.push(say(
      `${metric.id} of ${one} and ${other} are two different scorers: the difference may be the scorers’, not the answers’.`,
      `${metric.id} de ${one} e ${other} são dois avaliadores diferentes: a diferença pode ser dos avaliadores, não das respostas.`,
    ))
  }
  // Within one experiment the axes are in the names; between experiments nobody sees what else changed.
  const hidden = run.experimentId === reference.experimentId || run.kind !== reference.kind ? [] : differing.filter((name) => !judging.includes(name))
  if (hidden.length > 1) {
    warnings.push(say(
      `${one} and ${other} differ in ${hidden.join(', ')}: the difference cannot be put down to one of them.`,
      `${one} e ${other} diferem em ${hidden.join(', ')}: a diferença não pode ser atribuída a um só deles.`,
    ))
  }
  return warnings
}

function missingWarnings({ run, columns }: Arm, { metric, nameOf, wording }: Compared): string[] {
  const { say } = wording
  const { scored, errors, unscored } = countsOf(columns)
  const missing = errors + unscored
  if (missing === 0) return []
  const total = columns.itemIds.length
  const name = quoted(nameOf(run.id))
  const base = say(
    `${name} has no score for ${missing} of ${total} items (${errors} failed, ${unscored} unscored); they are left out, not counted as wrong.`,
    `${name} não tem nota em ${missing} de ${total} itens (${errors} falharam, ${unscored} sem nota); ficam de fora, não contam como erro.`,
  )
  if (missing < MANY_MISSING * total || !metric.bounded || scored === 0) return [base]
  const sum = columns.scores.reduce((all, score) => (Number.isNaN(score) ? all : all + score), 0)
  const [worst, best] = (metric.higherIsBetter ? [sum, sum + missing] : [sum + missing, sum]).map((value) => share(value / total, wording))
  const label = wording.labelOf(metric)
  return [`${base} ${say(`Were all of them as bad as can be its ${label} would be ${worst}, as good as can be ${best}.`, `Se todos fossem os piores possíveis, ${label} seria ${worst}; se os melhores possíveis, ${best}.`)}`]
}

function share(value: number, wording: Wording): string {
  return `${wording.fixed(100 * value, 1)} %`
}

/** A judge that people do not agree with. */
function judgeWarnings({ run }: Arm, { metric, nameOf, wording }: Compared): string[] {
  const people = run.summary?.judges?.[metric.id]?.people
  if (people === undefined || people.isTrusted) return []
  const kappa = people.kappa === null ? wording.say('unknown', 'desconhecido') : wording.fixed(people.kappa, 2)
  return [
    wording.say(
      `The judge of ${wording.labelOf(metric)} in ${quoted(nameOf(run.id))} is not to be trusted: its kappa with people is ${kappa} on ${people.n} labelled answers, and at least ${wording.fixed(people.minKappa, 2)} is asked for.`,
      `O juiz de ${wording.labelOf(metric)} em ${quoted(nameOf(run.id))} não merece confiança: seu kappa com pessoas é ${kappa} em ${people.n} respostas rotuladas, e o mínimo pedido é ${wording.fixed(people.minKappa, 2)}.`,
    ),
  ]
}

const STATUSES_IN_PORTUGUESE: Readonly<Record<RunStatus, string>> = { queued: 'na fila', running: 'em execução', waiting: 'à espera das outras', succeeded: 'concluída', failed: 'com falha', cancelled: 'cancelada', stopped: 'parada antes do fim' }

function statusWarnings({ run, columns }: Arm, { nameOf, wording: { say } }: Compared): string[] {
  if (run.status === 'succeeded') return []
  const items = columns.itemIds.length
  return [say(`${quoted(nameOf(run.id))} is ${run.status}: its figures cover the ${items} items done so far.`, `${quoted(nameOf(run.id))} está ${STATUSES_IN_PORTUGUESE[run.status]}: seus números cobrem os ${items} itens feitos até agora.`)]
}

function setWarnings({ arms, wording: { say } }: Compared): string[] {
  const warnings: string[] = []
  if (arms.some(({ run }) => run.race != null)) {
    warnings.push(say(
      'Some of these runs were raced: how many items they answered depends on how they did, so their scores and p-values here flatter the winner a little; the race’s own limits allow for it.',
      'Algumas destas execuções disputaram uma corrida: quantos itens responderam depende de como se saíram, e por isso suas notas e valores p favorecem um pouco a vencedora; os limites da própria corrida já contam com isso.',
    ))
  }
  if (haveRepeats(arms.map(({ run }) => run))) {
    warnings.push(say(
      'Some of these runs are repeats of one cell; pool them to compare the cells, with an item’s mean over its repeats as its score.',
      'Algumas destas execuções são repetições de uma mesma célula; junte-as para comparar as células, com a média de cada item sobre as repetições como sua nota.',
    ))
  }
  if (arms.length > 2) {
    warnings.push(say(
      `The best of ${arms.length} runs was picked on the same items that measure it, so its score is probably too good (winner’s curse); confirm it on items held out.`,
      `A melhor de ${arms.length} execuções foi escolhida nos mesmos itens que a medem, e por isso sua nota é provavelmente boa demais (maldição do vencedor); confirme-a em itens reservados.`,
    ))
  }
  return warnings
}
