/*
 * Scores the stored answers of another run anew, by this run's own scorers and metrics. No model is asked for an
 * answer; judges are, where a scorer is one. What only the answering model could tell, such as a loss, is taken over.
 */
import type { Example, PromptParameters, Summary } from '../../server/contracts/index.js'
import { readExamples } from '../earlier-work.js'
import { answerIn } from '../imported-answers.js'
import type { PromptItem } from '../prompt-builder.js'
import { RunFailure, type RunContext } from '../run-context.js'
import { assertScorable } from '../run-summary.js'
import { CORPUS_METRICS, withDetails } from '../scorers/corpus.js'
import { CHOICE_METRICS } from '../scorers/likelihoods.js'
import { ANSWER_SCORERS } from '../scorers/score-answer.js'
import { scoreText } from './answering.js'
import { finishReasonIn, samplesIn } from './asking.js'
import { openNamedScoring, type NamedScoring } from './named-scoring.js'
import { openAccount } from './prompt-model.js'
import { readItems } from './prompt-plan.js'
import { answerAll, labelsOf, scoresGiven, scoringOf } from './prompt.js'

type Context = RunContext<PromptParameters>

/** One stored answer with the item it is to. */
interface Answered {
  id: string
  item: PromptItem
  example: Example
  /** Null where the file that it was imported from did not hold it. */
  answer: string | null
}

/** What cannot be made from a text. */
const FROM_LIKELIHOODS = ['loss', ...CHOICE_METRICS.keys(), 'acc_mutual_info', 'greedy_match', 'target_perplexity', 'word_perplexity', 'byte_perplexity', 'bits_per_byte']
/** Details that scorers leave; those of the earlier ones would pass for ours. */
const SCORING_DETAILS = new Set(['judgements', 'verdicts', 'unscored', 'assertions', 'embeddings', 'predicted', 'answer', 'corpus'])

/** @param sourceId the run whose answers are scored */
export async function runRescore(context: Context, sourceId: string): Promise<Summary> {
  const { params, dataset, assignment, report } = context
  const labels = await labelsOf(dataset)
  const way = scoringOf(params, labels)
  const isText = way === 'generate'
  report.progress({ done: context.doneExamples.length, total: 1, unit: 'items', message: `reading the answers of run ${sourceId}` })
  const answered = await answersOf(context, sourceId)
  assertGiven(context, answered, scoresGiven(params, labels, way))
  const account = openAccount(context)
  const named = await openNamedScoring(context, answered.map(({ item }) => item), account)
  const rescoring = new Rescoring({ labels: isText ? labels : null, isText, language: dataset.manifest.language, metrics: assignment.metrics, extract: params.extract, named })
  report.environment({ device: 'stored answers' })
  try {
    return await answerAll(context, { items: answered, concurrency: params.concurrency, budget: account.budget, named, answer: (one) => rescoring.score(one) })
  } finally {
    await named?.close()
  }
}

async function answersOf({ dataset, params, server }: Context, sourceId: string): Promise<Answered[]> {
  const items = new Map((await readItems(dataset, params.split)).map((item) => [item.id, item]))
  return (await readExamples(server, sourceId)).map((example) => {
    const item = items.get(example.itemId)
    if (item === undefined) throw new RunFailure('dataset_changed', `run ${sourceId} answered the item "${example.itemId}", which split "${params.split}" of "${dataset.manifest.name}" does not have`)
    return { id: example.itemId, item, example, answer: answerIn(example) }
  })
}

/** A loss cannot be made from a text: it is there only where the earlier run had it. Nor is an answer right or wrong without a target. */
function assertGiven({ assignment, dataset }: Context, answered: readonly Answered[], possible: readonly string[]): void {
  const wasGiven = (metric: string): boolean => answered.some(({ example }) => metric in example.scores)
  const hasTargets = answered.some(({ example }) => example.target !== null)
  const isGiven = (metric: string): boolean => (FROM_LIKELIHOODS.includes(metric) ? wasGiven(metric) : hasTargets || !(metric in ANSWER_SCORERS || CORPUS_METRICS.has(metric)))
  assertScorable(assignment.metrics, possible.filter(isGiven), hasTargets ? `stored answers to a ${dataset.manifest.task} dataset` : 'stored answers to items none of which has a target')
}

interface RescoringOptions {
  labels: readonly string[] | null
  /** The model wrote the answers; else it chose among labels. */
  isText: boolean
  language: string
  metrics: readonly string[]
  extract: PromptParameters['extract']
  named: NamedScoring | undefined
}

class Rescoring {
  constructor(private readonly options: RescoringOptions) {}

  /** Time and cost stay those of the call that was made then; the answer is marked as one that was found stored. */
  async score({ item, example, answer }: Answered): Promise<Example> {
    const { judgeCostUsd: _earlier, ...kept } = example
    const details = Object.fromEntries(Object.entries(example.details).filter(([name]) => !SCORING_DETAILS.has(name)))
    const found: Example = { ...kept, details, cached: true }
    if (example.status === 'error' || (example.status === 'unscored' && !this.options.isText)) return { ...found, scores: {}, details: example.details }
    if (answer === null) return { ...found, status: 'unscored', scores: {} }
    const source = { ...example, output: answer }
    const scored = await this.named({ ...found, output: answer, status: 'scored', ...this.own(source, item, details) }, item, source)
    return source.target === null && Object.keys(scored.scores).length === 0 ? { ...scored, status: 'unscored' } : scored
  }

  /** What the answer is worth by itself. */
  private own({ output, target, scores, details: known }: Example, item: PromptItem, details: Example['details']): Pick<Example, 'scores' | 'details'> & { answer: string } {
    const takenOver = (names: readonly string[]): Example['scores'] => Object.fromEntries(Object.entries(scores).filter(([name]) => names.includes(name)))
    if (!this.options.isText) {
      const kept = takenOver(['accuracy', ...FROM_LIKELIHOODS])
      const parts = Object.entries((known['corpus'] ?? {}) as Record<string, unknown>).filter(([metric]) => metric in kept)
      return { answer: output, scores: kept, details: { ...details, ...(parts.length === 0 ? {} : { corpus: Object.fromEntries(parts) }) } }
    }
    const scored = scoreText(output, item, { ...this.options, ...(target === null ? { metrics: [] } : {}) })
    return { answer: scored.answer, scores: { ...scored.scores, ...takenOver(['loss']) }, details: { ...details, ...scored.details } }
  }

  private async named({ answer, ...example }: Example & { answer: string }, item: PromptItem, source: Example): Promise<Example> {
    const { named, language } = this.options
    if (named === undefined) return example
    const { output, target, costUsd, tokensOut } = example
    // A time that was measured then can be held against another limit now.
    const [latencyMs, ttftMs] = source.cached === true ? [null, null] : [source.latencyMs, source.ttftMs]
    const { scores, details, ...judged } = await named.score({ answer, samples: samplesIn(source, answer, this.options.extract), output, target: target ?? '', item, language, latencyMs, ttftMs, costUsd, tokensOut, finishReason: finishReasonIn(source) }, item, { question: example.input, meanLogLikelihood: null })
    return { ...example, ...judged, scores: { ...example.scores, ...scores }, details: withDetails(example.details, details) }
  }
}
