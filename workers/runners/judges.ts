/* Judges at work: one or several models, over rubrics or between two answers. A reply that is no verdict leaves the item unscored and says why. */
import type { Judge, ModelRef, PairwiseJudge } from '../../server/contracts/index.js'
import { readExamples } from '../earlier-work.js'
import type { AccountedModel } from '../providers/accounted-model.js'
import { CallFailed, PromptRefused, type Message } from '../providers/chat-model.js'
import { RunFailure, type RunContext } from '../run-context.js'
import { JudgePrompt } from '../scorers/judge.js'
import { outcomeOf, PairwisePrompt, type Outcome } from '../scorers/pairwise-judge.js'
import type { TemplateItem } from '../template.js'
import type { OpenedModel } from './prompt-model.js'

export interface Asked {
  item: TemplateItem & { target?: unknown }
  /** What the answering model read. */
  question: string
  answer: string
}

/** One judge's word on one answer; `score` is on 0 to 1. */
export type PanelVerdict = { model: string; score: number; reason: string } | { model: string; problem: string }
/** One judge's word between two answers, once both orders were asked. */
export type PairVerdict = { model: string; outcome: Outcome; isConsistent: boolean; reason: string } | { model: string; problem: string }

export interface Judged {
  score: number | null
  reason: string | null
  problem: string | null
  costsUsd: (number | null)[]
  /** Each judge's verdict, for the example's details; null where `reason` says it all. */
  record: PanelVerdict[] | PairVerdict[] | null
}

export interface JudgingScorer {
  readonly models: readonly string[]
  judge(asked: Asked): Promise<Judged>
  close(): Promise<void>
}

interface Seat {
  name: string
  model: AccountedModel
}

type Reply = { text: string; costUsd: number | null } | { problem: string }

/** The models that judge for one scorer. */
class Bench {
  private constructor(
    readonly seats: readonly Seat[],
    private readonly options: { maxTokens: number; seed: number },
  ) {}

  static async open({ model, others = [], maxTokens }: Pick<Judge, 'model' | 'others' | 'maxTokens'>, seed: number, openOther: OpenedModel['openOther']): Promise<Bench> {
    const seats: Seat[] = []
    for (const ref of [model, ...others]) seats.push({ name: nameOf(ref), model: await openOther(ref) })
    return new Bench(seats, { maxTokens, seed })
  }

  get names(): string[] {
    return this.seats.map(({ name }) => name)
  }

  /** A call that is given up is this verdict's problem alone; whatever would fail all calls ends the run. */
  async ask({ model }: Seat, messages: Message[]): Promise<Reply> {
    try {
      return await model.complete({ messages, temperature: 0, maxTokens: this.options.maxTokens, stop: [], seed: this.options.seed })
    } catch (error) {
      if (!(error instanceof CallFailed || error instanceof PromptRefused)) throw error
      return { problem: `the judge did not answer: ${error.message}` }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.seats.map(({ model }) => model.close()))
  }
}

function nameOf(ref: ModelRef): string {
  return typeof ref === 'string' ? ref : ref.model
}

/** Scores by a rubric; of several judges the median, which on a scale of two is their majority. */
export class RubricJudges implements JudgingScorer {
  private constructor(
    private readonly prompt: JudgePrompt,
    private readonly bench: Bench,
  ) {}

  static async open(name: string, judge: Judge, { items, seed, openOther }: { items: readonly TemplateItem[]; seed: number } & Pick<OpenedModel, 'openOther'>): Promise<RubricJudges> {
    const prompt = new JudgePrompt(name, judge)
    for (const item of items) prompt.assertFits(item)
    return new RubricJudges(prompt, await Bench.open(judge, seed, openOther))
  }

  get models(): string[] {
    return this.bench.names
  }

  async judge({ item, question, answer }: Asked): Promise<Judged> {
    const costsUsd: (number | null)[] = []
    const verdicts = await Promise.all(
      this.bench.seats.map(async (seat): Promise<PanelVerdict> => {
        const reply = await this.bench.ask(seat, this.prompt.messages({ item, question, answer }))
        if ('problem' in reply) return { model: seat.name, ...reply }
        costsUsd.push(reply.costUsd)
        return { model: seat.name, ...this.prompt.read(reply.text) }
      }),
    )
    const given = verdicts.flatMap((verdict) => ('score' in verdict ? [verdict] : []))
    const score = isMajority(given.length, verdicts.length) ? medianOf(given.map((verdict) => verdict.score)) : null
    return { score, reason: given[0]?.reason ?? null, problem: score === null ? problemOf(verdicts) : null, costsUsd, record: verdicts.length === 1 ? null : verdicts }
  }

  close(): Promise<void> {
    return this.bench.close()
  }
}

/** Better, equal or worse than another answer: 1, 0.5 or 0; of several judges the majority. */
export class PairwiseJudges implements JudgingScorer {
  private constructor(
    private readonly prompt: PairwisePrompt,
    private readonly bench: Bench,
    private readonly rivalOf: (item: Asked['item']) => string | { problem: string },
  ) {}

  static async open(name: string, judge: PairwiseJudge, { items, seed, openOther, server }: { items: readonly TemplateItem[]; seed: number } & Pick<OpenedModel, 'openOther'> & Pick<RunContext<unknown>, 'server'>): Promise<PairwiseJudges> {
    const prompt = new PairwisePrompt(name, judge)
    for (const item of items) prompt.assertFits(item)
    const rivalOf = await rivals(name, judge.against, items, server)
    return new PairwiseJudges(prompt, await Bench.open(judge, seed, openOther), rivalOf)
  }

  get models(): string[] {
    return this.bench.names
  }

  async judge({ item, question, answer }: Asked): Promise<Judged> {
    const rival = this.rivalOf(item)
    if (typeof rival !== 'string') return { score: null, reason: null, problem: rival.problem, costsUsd: [], record: null }
    const costsUsd: (number | null)[] = []
    const verdicts = await Promise.all(this.bench.seats.map((seat) => this.verdict(seat, { item, question, answer, rival, costsUsd })))
    const given = verdicts.flatMap((verdict) => ('outcome' in verdict ? [verdict] : []))
    const count = (outcome: Outcome): number => given.filter((verdict) => verdict.outcome === outcome).length
    const score = isMajority(given.length, verdicts.length) ? (1 + Math.sign(count('win') - count('loss'))) / 2 : null
    return { score, reason: given[0]?.reason ?? null, problem: score === null ? problemOf(verdicts) : null, costsUsd, record: verdicts }
  }

  private async verdict(seat: Seat, { item, question, answer, rival, costsUsd }: Asked & { rival: string; costsUsd: (number | null)[] }): Promise<PairVerdict> {
    if (answer.trim() === rival.trim()) return { model: seat.name, outcome: 'tie', isConsistent: true, reason: 'both answers are the same' }
    const orders = [[answer, rival], [rival, answer]] as const
    const replies = await Promise.all(
      orders.map(async ([first, second]) => {
        const reply = await this.bench.ask(seat, this.prompt.messages({ item, question, first, second }))
        if ('problem' in reply) return reply
        costsUsd.push(reply.costUsd)
        return this.prompt.read(reply.text)
      }),
    )
    const [front, behind] = replies
    if (front === undefined || 'problem' in front) return { model: seat.name, problem: front?.problem ?? '' }
    if (behind === undefined || 'problem' in behind) return { model: seat.name, problem: behind?.problem ?? '' }
    return { model: seat.name, ...outcomeOf(front.preference, behind.preference), reason: front.reason }
  }

  close(): Promise<void> {
    return this.bench.close()
  }
}

async function rivals(name: string, against: PairwiseJudge['against'], items: readonly TemplateItem[], server: RunContext<unknown>['server']): Promise<(item: Asked['item']) => string | { problem: string }> {
  const field = against === 'target' ? 'target' : typeof against === 'string' ? null : against.field
  if (field !== null) {
    const lacking = items.find((item) => typeof item[field] !== 'string')
    if (lacking !== undefined) throw new RunFailure('invalid_params', `scorers.${name}.against: item "${lacking.id}" has no text in the field "${field}"`)
    return (item) => String(item[field])
  }
  const runId = String(against).slice('run:'.length)
  const answers = new Map((await readExamples(server, runId)).flatMap(({ itemId, status, output, details }) => (status === 'error' ? [] : [[itemId, typeof details['answer'] === 'string' ? details['answer'] : output] as const])))
  if (answers.size === 0) throw new RunFailure('invalid_params', `scorers.${name}.against: run ${runId} has no answers`)
  return (item) => answers.get(item.id) ?? { problem: `run ${runId} has no answer to this item` }
}

/** Fewer than half of the judges are not the bench that was asked for. */
function isMajority(given: number, asked: number): boolean {
  return given > asked / 2
}

function problemOf(verdicts: readonly (PanelVerdict | PairVerdict)[]): string {
  return verdicts.flatMap((verdict) => ('problem' in verdict ? [verdicts.length === 1 ? verdict.problem : `${verdict.model}: ${verdict.problem}`] : [])).join('; ')
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1 ? (sorted[Math.floor(middle)] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}
