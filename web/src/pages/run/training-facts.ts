/** What the curves of one training run say: where it was best, from where it only got worse, and how wide the gap to the training loss is. Pure. */
import { BEST_METRICS, bestMetricOf, earlyStop, type EarlyStopping, type BestMetric, type Evaluation, evaluationOf, firstOverfitStep, laterEvaluations, type LaterEvaluations, recommendCheckpoint } from '../../../../experiments/checkpoints.js'
import { type GapPoint, gapCurve, lastingDivergence } from '../../../../experiments/generalization.js'
import { toWire } from '../../../../server/contracts/float.js'
import type { MetricBucket, MetricSeries } from '../../../../server/contracts/metric.js'
import type { Checkpoint, Run } from '../../../../server/contracts/run.js'
import type { Mark } from '../../charts/lines.js'
import { formatCount, formatFloat, formatMetric } from '../../format.js'
import { say } from '../../i18n.js'

export interface TrainingFacts {
  best: { step: number; value: number; by: BestMetric; later: LaterEvaluations } | null
  overfitStep: number | null
  /** From where on the gap between validation and training loss stays open. */
  partedStep: number | null
  gaps: readonly GapPoint[]
  /** Why the run ended before its last step; `rule` is null where only the server's words tell. Null where it did not. */
  stopped: { reason: string; rule: (EarlyStopping & { step: number; best: { step: number; value: number } | null }) | null } | null
  /** The loss went to NaN or infinity rather than up. */
  isDiverged: boolean
  /** The run is over: nothing comes after. */
  isFinal: boolean
}

/** Validation results by step. Evaluations are far fewer than pixels, so each bucket is one of them. */
export function evaluationsOf(series: readonly MetricSeries[], checkpoints: readonly Checkpoint[]): Evaluation[] {
  const metricsAt = new Map<number, Checkpoint['metrics']>(checkpoints.map(({ step, metrics }) => [step, metrics]))
  for (const { key, buckets } of series) {
    for (const { n, lastStep, last } of buckets) if (n === 1) metricsAt.set(lastStep, { ...metricsAt.get(lastStep), [key]: last })
  }
  return [...metricsAt].flatMap(([step, metrics]) => evaluationOf(step, metrics) ?? []).sort((a, b) => a.step - b.step)
}

/** Training losses by step. Of very long runs each is the last of its bucket, a sample as fair as any. */
export function trainingLosses(series: readonly MetricSeries[]): { step: number; loss: number }[] {
  return (series.find(({ key }) => key === 'train/loss')?.buckets ?? []).map(({ lastStep, last }) => ({ step: lastStep, loss: Number(last) }))
}

/** The finished run's own choice counts; before that, what the rule would choose now. */
export function trainingFacts(run: Run, evaluations: readonly Evaluation[], training: readonly { step: number; loss: number }[]): TrainingFacts {
  const { summary } = run
  const by = bestMetricOf(run.params)
  const recommended = recommendCheckpoint(evaluations, by)
  const chosen = summary?.bestStep == null ? recommended : { step: summary.bestStep, value: evaluations.find(({ step }) => step === summary.bestStep)?.[by] ?? NaN }
  const overfitStep = summary?.overfitStep === undefined ? firstOverfitStep(evaluations) : summary.overfitStep
  return {
    best: chosen === null ? null : { step: chosen.step, value: chosen.value, by, later: laterEvaluations(evaluations, chosen.step, by) },
    overfitStep,
    partedStep: lastingDivergence(evaluations, training),
    gaps: gapCurve(evaluations, training),
    stopped: summary?.stopReason === undefined ? null : { reason: summary.stopReason, rule: stopRule(run.params, evaluations) },
    isDiverged: evaluations.some(({ step, loss }) => step === overfitStep && !Number.isFinite(loss)),
    isFinal: run.status !== 'running' && run.status !== 'queued' && run.status !== 'waiting',
  }
}

function stopRule(params: Run['params'], evaluations: readonly Evaluation[]): NonNullable<TrainingFacts['stopped']>['rule'] {
  const { earlyStoppingPatience: patience, earlyStoppingMinDelta: minDelta } = params
  if (typeof patience !== 'number') return null
  const rule = { by: bestMetricOf(params), patience, minDelta: typeof minDelta === 'number' ? minDelta : 0 }
  const stop = earlyStop(evaluations, rule)
  return stop === null ? null : { ...rule, step: stop.step, best: stop.best }
}

export function marksOf(run: Pick<Run, 'pickedStep'>, facts: TrainingFacts): Mark[] {
  const marks: Mark[] = []
  const best = facts.best?.step ?? null
  if (best !== null) marks.push({ x: best, label: `${say('best', 'melhor')} ${formatCount(best)}`, kind: 'good' })
  if (facts.overfitStep !== null) {
    marks.push({ x: facts.overfitStep, label: `${facts.isDiverged ? say('diverged at', 'divergiu em') : say('overfitting from', 'sobreajuste a partir de')} ${formatCount(facts.overfitStep)}`, kind: 'bad' })
  }
  if (run.pickedStep !== null && run.pickedStep !== best) marks.push({ x: run.pickedStep, label: `${say('picked', 'escolhido')} ${formatCount(run.pickedStep)}`, kind: 'plain' })
  return marks
}

export function gapMarks({ partedStep }: Pick<TrainingFacts, 'partedStep'>): Mark[] {
  return partedStep === null ? [] : [{ x: partedStep, label: `${say('open for good from', 'aberta de vez a partir de')} ${formatCount(partedStep)}`, kind: 'bad' }]
}

/** The gap as a chart draws it: one point for each evaluation. */
export function gapBuckets(gaps: readonly GapPoint[], times: ReadonlyMap<number, number>): MetricBucket[] {
  return gaps.map(({ step, gap }) => {
    const isFinite = Number.isFinite(gap)
    return { firstStep: step, lastStep: step, min: isFinite ? gap : null, max: isFinite ? gap : null, last: toWire(gap), lastTime: times.get(step) ?? 0, n: 1, nonFinite: isFinite ? 0 : 1 }
  })
}

/** The recommendation with its reason, then what else the curves show. Empty before the first evaluation. */
export function factsInWords(facts: TrainingFacts): string {
  if (facts.best === null) return ''
  return [recommendationInWords(facts), afterBest(facts), gapInWords(facts), stopInWords(facts)].filter(Boolean).join(' ')
}

const namesOfMetrics = (): Record<BestMetric, string> => ({ loss: say('validation loss', 'perda de validação'), accuracy: say('validation accuracy', 'acurácia de validação'), token_accuracy: say('validation token accuracy', 'acurácia por token na validação') })
const figureOf = (value: number, by: BestMetric): string => formatMetric(value, { isShare: by !== 'loss' })

function stopInWords({ stopped }: Pick<TrainingFacts, 'stopped'>): string {
  if (stopped === null) return ''
  const { reason, rule } = stopped
  if (rule === null) return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`
  const { step, by, patience, minDelta, best } = rule
  const name = namesOfMetrics()[by]
  const times = patience === 1 ? say('1 evaluation', '1 avaliação') : say(`${formatCount(patience)} evaluations in a row`, `${formatCount(patience)} avaliações seguidas`)
  const head = say(`Stopped early at step ${formatCount(step)}: ${times}`, `Parou antes, no passo ${formatCount(step)}: ${times}`)
  if (best === null) return say(`${head} gave no finite ${name}.`, `${head} sem valor finito de ${name}.`)
  const more = minDelta > 0 ? say(` by more than ${formatFloat(minDelta)}`, ` em mais de ${formatFloat(minDelta)}`) : ''
  return say(
    `${head} did not improve ${name}${more}; its best is ${figureOf(best.value, by)} at step ${formatCount(best.step)}.`,
    `${head} sem melhora de ${name}${more}; o melhor valor é ${figureOf(best.value, by)} no passo ${formatCount(best.step)}.`,
  )
}

function recommendationInWords({ best, isFinal }: Pick<TrainingFacts, 'best' | 'isFinal'>): string {
  if (best === null) return ''
  const { step, value, by, later } = best
  const name = namesOfMetrics()[by]
  const figure = (number: number): string => figureOf(number, by)
  const why = BEST_METRICS[by].higherIsBetter ? say(`highest ${name}`, `maior ${name}`) : say(`lowest ${name}`, `menor ${name}`)
  const head = isFinal ? say('Best checkpoint', 'Melhor checkpoint') : say('Best checkpoint so far', 'Melhor checkpoint até agora')
  const parts: string[] = []
  if (later.least !== null && later.most !== null) {
    const [low, high] = [figure(later.least), figure(later.most)]
    const by = low === high ? low : say(`${low} to ${high}`, `${low} a ${high}`)
    parts.push(later.most === 0 ? say('later checkpoints are no better', 'os checkpoints posteriores não são melhores') : say(`later checkpoints are worse by ${by}`, `os checkpoints posteriores são piores em ${by}`))
  }
  if (later.broken > 0) parts.push(say(`${formatCount(later.broken)} later ${later.broken === 1 ? 'one has' : 'ones have'} no finite value`, `${formatCount(later.broken)} ${later.broken === 1 ? 'posterior não tem' : 'posteriores não têm'} valor finito`))
  if (parts.length === 0) parts.push(say('it is the last one, so more steps may still help', 'é o último, portanto mais passos ainda podem ajudar'))
  return `${head}: ${say('step', 'passo')} ${formatCount(step)}: ${why}${Number.isFinite(value) ? ` ${figure(value)}` : ''}; ${parts.join('; ')}.`
}

function afterBest({ overfitStep, isDiverged, isFinal }: TrainingFacts): string {
  if (overfitStep === null) {
    return isFinal ? say('No overfitting: validation loss did not stay above its best.', 'Sem sobreajuste: a perda de validação não permaneceu acima da melhor.') : say('No overfitting so far.', 'Sem sobreajuste até agora.')
  }
  const step = formatCount(overfitStep)
  if (isDiverged) return say(`Diverged: from step ${step} on no validation loss is a number.`, `Divergiu: a partir do passo ${step} nenhuma perda de validação é um número.`)
  return say(
    `Overfitting from step ${step}: from there on every validation loss is more than 1 % above the best.`,
    `Sobreajuste a partir do passo ${step}: daí em diante toda perda de validação fica mais de 1 % acima da melhor.`,
  )
}

function gapInWords({ gaps, partedStep }: Pick<TrainingFacts, 'gaps' | 'partedStep'>): string {
  const last = gaps.at(-1)
  if (last === undefined) return ''
  if (!Number.isFinite(last.gap)) return say('At the end there is no generalization gap: one of the losses is no number.', 'No fim não há lacuna de generalização: uma das perdas não é um número.')
  const size = say(`Generalization gap at the end: ${formatFloat(toWire(last.gap))} nats per token`, `Lacuna de generalização no fim: ${formatFloat(toWire(last.gap))} nats por token`)
  return partedStep === null ? `${size}.` : say(`${size}, open for good from step ${formatCount(partedStep)}.`, `${size}, aberta de vez a partir do passo ${formatCount(partedStep)}.`)
}
