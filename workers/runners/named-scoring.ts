/* Applies the scorers that the experiment file names to each answer. A scorer that fails takes nothing with it: its score is missing, and the example says why. */
import { join } from 'node:path'
import { toWire, type Example, type PromptParameters, type Summary } from '../../server/contracts/index.js'
import { usedBy, type EmbeddedText } from '../providers/accounted-embeddings.js'
import { sumKnown } from '../providers/paid-calls.js'
import type { CorpusScore } from '../../experiments/text-figures/text-figure.js'
import { asScored } from '../scorers/corpus.js'
import { type Given, makeScorers, type NamedScorer, type ScoredAnswer } from '../scorers/named-scorers.js'
import { RunFailure, type RunContext } from '../run-context.js'
import type { TemplateItem } from '../template.js'
import { AssertionScoring, type MeanLogLikelihood } from './assertion-scoring.js'
import { type KnownJudge, withJudgeReports } from './judge-report.js'
import { PairwiseJudges, RubricJudges, type JudgingScorer } from './judges.js'
import { holdToPeople, readLabelled } from './labelled-answers.js'
import { openModelScorers, type ModelScorer } from './model-scorers.js'
import type { OpenedModel } from './prompt-model.js'

export type NamedScores = Pick<Example, 'scores' | 'details'> & Pick<Partial<Example>, 'judgeCostUsd'>

interface Scorers {
  plain: ReadonlyMap<string, NamedScorer>
  byModel: ReadonlyMap<string, ModelScorer>
  judges: ReadonlyMap<string, JudgingScorer>
  known: ReadonlyMap<string, KnownJudge>
  assertions: AssertionScoring | null
}

export class NamedScoring {
  constructor(private readonly scorers: Scorers) {}

  /** @param at what the answering model read, and how it can be asked how likely its answer was */
  async score(scored: ScoredAnswer, item: TemplateItem, { question, meanLogLikelihood }: { question: string; meanLogLikelihood: MeanLogLikelihood }): Promise<NamedScores> {
    const { plain, byModel, judges, assertions } = this.scorers
    const given: Verdicts = { scores: {}, reasons: {}, problems: {}, records: {}, figures: {}, costsUsd: [], took: [] }
    for (const [name, scorer] of plain) await noted(given, name, async () => scorer(scored))
    for (const [name, scorer] of byModel) await noted(given, name, () => scorer.score(scored, meanLogLikelihood, given))
    await Promise.all([...judges].map(([name, judge]) => judged(given, name, () => judge.judge({ item, question, answer: scored.answer }))))
    const asserted = await assertions?.score(scored, item, { question, meanLogLikelihood })
    Object.assign(given.scores, asserted?.scores)
    Object.assign(given.problems, asserted?.problems)
    given.took.push(...(asserted?.took ?? []))
    given.costsUsd.push(...(asserted?.costsUsd ?? []), ...given.took.map(({ costUsd }) => costUsd))
    const embeddings = usedBy(given.took)
    const ofCorpus = asScored(given.figures)
    return {
      scores: { ...given.scores, ...ofCorpus.scores },
      details: { ...ofCorpus.details, ...filled('judgements', given.reasons), ...filled('verdicts', given.records), ...filled('unscored', given.problems), ...(asserted === undefined || asserted.records.length === 0 ? {} : { assertions: asserted.records }), ...(embeddings === null ? {} : { embeddings }) },
      ...(judges.size === 0 && given.costsUsd.length === 0 ? {} : { judgeCostUsd: sumKnown(given.costsUsd) }),
    }
  }

  /** The summary of the run with what is to be said of its judges. */
  report(summary: Summary, examples: readonly Example[]): Summary {
    return withJudgeReports(summary, this.scorers.known, examples)
  }

  async close(): Promise<void> {
    const { byModel, judges, assertions } = this.scorers
    await Promise.all([...byModel.values(), ...judges.values()].map((scorer) => scorer.close()))
    await assertions?.close()
  }
}

interface Verdicts {
  scores: Example['scores']
  reasons: Record<string, string>
  problems: Record<string, string>
  records: Record<string, unknown>
  figures: Record<string, CorpusScore>
  costsUsd: (number | null)[]
  took: EmbeddedText[]
}

async function noted(given: Verdicts, name: string, score: () => Promise<Given>): Promise<void> {
  try {
    const told = await score()
    if (typeof told === 'number') given.scores[name] = toWire(told)
    else if (told !== null) given.figures[name] = told
  } catch (error) {
    if (error instanceof RunFailure) throw error
    given.problems[name] = error instanceof Error ? error.message : String(error)
  }
}

async function judged(given: Verdicts, name: string, judge: () => ReturnType<JudgingScorer['judge']>): Promise<void> {
  const { score, reason, problem, costsUsd, record } = await judge()
  given.costsUsd.push(...costsUsd)
  if (score !== null) given.scores[name] = toWire(score)
  if (reason !== null && score !== null) given.reasons[name] = reason
  if (problem !== null) given.problems[name] = problem
  if (record !== null) given.records[name] = record
}

function filled(key: string, entries: Record<string, unknown>): Record<string, unknown> {
  return Object.keys(entries).length === 0 ? {} : { [key]: entries }
}

type Context = Pick<RunContext<PromptParameters>, 'params' | 'assignment' | 'folders' | 'dataset' | 'server' | 'report'>

/** Makes the run's scorers and opens its judges; undefined where it names none. @throws {RunFailure} for one that cannot work on these items. */
export async function openNamedScoring(context: Context, items: readonly TemplateItem[], opened: Pick<OpenedModel, 'openOther' | 'openSimilarity' | 'openModerator'>): Promise<NamedScoring | undefined> {
  const { params, assignment, folders } = context
  if (Object.keys(params.scorers).length === 0) return undefined
  const plain = await makeScorers(params.scorers, join(folders.home, 'scorers'))
  const byModel = await openModelScorers(params.scorers, items, opened)
  const { judges, known } = await openJudges(context, items, opened)
  const assertions = await AssertionScoring.open(params.scorers, items, { ...opened, seed: assignment.seed })
  return new NamedScoring({ plain, byModel, judges, known, assertions })
}

/** A judge that has labelled answers to be held to judges those first: what is wrong with it is known before the items are paid for. */
async function openJudges({ params, assignment, dataset, server, report }: Context, items: readonly TemplateItem[], { openOther }: Pick<OpenedModel, 'openOther'>): Promise<Pick<Scorers, 'judges' | 'known'>> {
  const judges = new Map<string, JudgingScorer>()
  const known = new Map<string, KnownJudge>()
  const { seed } = assignment
  for (const [name, scorer] of Object.entries(params.scorers)) {
    if (scorer.type === 'pairwise') {
      const judge = await PairwiseJudges.open(name, scorer, { items, seed, openOther, server })
      judges.set(name, judge)
      known.set(name, { models: judge.models, people: undefined })
    }
    if (scorer.type !== 'judge') continue
    const labelled = scorer.people === undefined ? [] : await readLabelled(name, scorer, scorer.people, dataset)
    const judge = await RubricJudges.open(name, scorer, { items: [...items, ...labelled.map(({ item }) => item)], seed, openOther })
    const people = scorer.people === undefined ? undefined : await holdToPeople(judge, labelled, scorer.people.minKappa)
    if (people !== undefined) report.log(people.isTrusted ? 'info' : 'warn', `judge ${name}: kappa ${people.kappa === null ? 'unknown' : people.kappa.toFixed(3)} with people on ${people.n} of ${labelled.length} labelled answers, at least ${people.minKappa} is asked for${people.isTrusted ? '' : '; its scores are marked'}`)
    judges.set(name, judge)
    known.set(name, { models: judge.models, people })
  }
  return { judges, known }
}
