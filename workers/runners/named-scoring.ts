/* Applies the scorers that the experiment file names to each answer. A scorer that fails takes nothing with it: its score is missing, and the example says why. */
import { join } from 'node:path'
import { toWire, type Example, type PromptParameters } from '../../server/contracts/index.js'
import type { AccountedModel } from '../providers/accounted-model.js'
import { CallFailed, PromptRefused } from '../providers/chat-model.js'
import { JudgePrompt } from '../scorers/judge.js'
import { makeScorers, type NamedScorer, type ScoredAnswer } from '../scorers/named-scorers.js'
import type { RunContext } from '../run-context.js'
import type { TemplateItem } from '../template.js'
import { AssertionScoring, type MeanLogLikelihood } from './assertion-scoring.js'
import type { OpenedModel } from './prompt-model.js'

export interface OpenedJudge {
  prompt: JudgePrompt
  model: AccountedModel
  maxTokens: number
  seed: number
}

export type NamedScores = Pick<Example, 'scores' | 'details'> & Pick<Partial<Example>, 'judgeCostUsd'>

export class NamedScoring {
  constructor(
    private readonly scorers: ReadonlyMap<string, NamedScorer>,
    private readonly judges: ReadonlyMap<string, OpenedJudge>,
    private readonly assertions: AssertionScoring | null,
  ) {}

  /** @param at what the answering model read, and how it can be asked how likely its answer was */
  async score(scored: ScoredAnswer, item: TemplateItem, { question, meanLogLikelihood }: { question: string; meanLogLikelihood: MeanLogLikelihood }): Promise<NamedScores> {
    const given: Verdicts = { scores: {}, reasons: {}, problems: {}, costsUsd: [] }
    for (const [name, scorer] of this.scorers) {
      try {
        const score = await scorer(scored)
        if (score !== null) given.scores[name] = toWire(score)
      } catch (error) {
        given.problems[name] = error instanceof Error ? error.message : String(error)
      }
    }
    await Promise.all([...this.judges].map(([name, judge]) => judgeAnswer(name, judge, { item, question, answer: scored.answer, given })))
    const asserted = await this.assertions?.score(scored, item, { question, meanLogLikelihood })
    Object.assign(given.scores, asserted?.scores)
    Object.assign(given.problems, asserted?.problems)
    given.costsUsd.push(...(asserted?.costsUsd ?? []))
    return {
      scores: given.scores,
      details: { ...filled('judgements', given.reasons), ...filled('unscored', given.problems), ...(asserted === undefined || asserted.records.length === 0 ? {} : { assertions: asserted.records }) },
      ...(this.judges.size === 0 && (asserted?.costsUsd.length ?? 0) === 0 ? {} : { judgeCostUsd: sumKnown(given.costsUsd) }),
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.judges.values()].map(({ model }) => model.close()))
    await this.assertions?.close()
  }
}

interface Verdicts {
  scores: Example['scores']
  reasons: Record<string, string>
  problems: Record<string, string>
  costsUsd: (number | null)[]
}

async function judgeAnswer(name: string, { prompt, model, maxTokens, seed }: OpenedJudge, { item, question, answer, given }: { item: TemplateItem; question: string; answer: string; given: Verdicts }): Promise<void> {
  try {
    const reply = await model.complete({ messages: prompt.messages({ item, question, answer }), temperature: 0, maxTokens, stop: [], seed })
    given.costsUsd.push(reply.costUsd)
    const judgement = prompt.read(reply.text)
    if ('problem' in judgement) given.problems[name] = judgement.problem
    else {
      given.scores[name] = toWire(judgement.score)
      given.reasons[name] = judgement.reason
    }
  } catch (error) {
    if (!(error instanceof CallFailed || error instanceof PromptRefused)) throw error
    given.problems[name] = `the judge did not answer: ${error.message}`
  }
}

function filled(key: string, entries: Record<string, string>): Record<string, unknown> {
  return Object.keys(entries).length === 0 ? {} : { [key]: entries }
}

/** Null where one is not known: a sum without it would be too small. */
function sumKnown(costs: readonly (number | null)[]): number | null {
  return costs.includes(null) ? null : costs.reduce((sum: number, cost) => sum + (cost ?? 0), 0)
}

/** Makes the run's scorers and opens its judges; undefined where it names none. @throws {RunFailure} for one that cannot work on these items. */
export async function openNamedScoring({ params, assignment, folders }: Pick<RunContext<PromptParameters>, 'params' | 'assignment' | 'folders'>, items: readonly TemplateItem[], opened: Pick<OpenedModel, 'openOther' | 'openSimilarity'>): Promise<NamedScoring | undefined> {
  if (Object.keys(params.scorers).length === 0) return undefined
  const scorers = await makeScorers(params.scorers, join(folders.home, 'scorers'))
  const judges = new Map<string, OpenedJudge>()
  for (const [name, scorer] of Object.entries(params.scorers)) {
    if (scorer.type !== 'judge') continue
    const prompt = new JudgePrompt(name, scorer)
    for (const item of items) prompt.assertFits(item)
    judges.set(name, { prompt, model: await opened.openOther(scorer.model), maxTokens: scorer.maxTokens, seed: assignment.seed })
  }
  const assertions = await AssertionScoring.open(params.scorers, items, { ...opened, seed: assignment.seed })
  return new NamedScoring(scorers, judges, assertions)
}
