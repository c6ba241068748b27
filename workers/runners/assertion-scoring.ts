/* Scores answers by the assertions that their items carry. Graders and embedders are opened once, and only those that an item needs. */
import type { AssertionsScorer, Example, Grader, Scorers } from '../../server/contracts/index.js'
import { toWire } from '../../server/contracts/index.js'
import type { EmbeddedText } from '../providers/accounted-embeddings.js'
import type { AccountedModel } from '../providers/accounted-model.js'
import { CallFailed, PromptRefused, type Message } from '../providers/chat-model.js'
import type { Moderator } from '../providers/moderation.js'
import { RunFailure } from '../run-context.js'
import { Undetermined, type Subject } from '../scorers/assertions/check.js'
import { ItemAssertions, type ItemVerdict } from '../scorers/assertions/item-assertions.js'
import type { ScoredAnswer } from '../scorers/named-scorers.js'
import { PromptTemplate, type TemplateItem } from '../template.js'
import { fieldsRead } from './fields-read.js'
import type { OpenedModel } from './prompt-model.js'
import type { TextSimilarity } from './text-similarity.js'

export interface AssertionScores {
  scores: Example['scores']
  problems: Record<string, string>
  records: ItemVerdict['records']
  costsUsd: (number | null)[]
  /** What the vectors of an endpoint took. */
  took: EmbeddedText[]
}

interface OpenedGrader {
  model: AccountedModel
  prompt: { role: Message['role']; template: PromptTemplate }[] | null
  maxTokens: number
}

interface Opened {
  graders: ReadonlyMap<string, OpenedGrader>
  embedders: ReadonlyMap<string, TextSimilarity>
  moderators: ReadonlyMap<string, Moderator>
}

/** What the answering model can be asked about its own answer; null where it tells no likelihoods. */
export type MeanLogLikelihood = (() => Promise<number>) | null

export class AssertionScoring {
  private constructor(
    private readonly scorers: readonly (readonly [string, AssertionsScorer])[],
    private readonly assertions: ReadonlyMap<string, ReadonlyMap<string, ItemAssertions>>,
    private readonly opened: Opened,
    private readonly seed: number,
  ) {}

  /** Null where no scorer reads assertions. @throws {RunFailure} for whatever would leave items unscored in vain. */
  static async open(all: Scorers, items: readonly TemplateItem[], { openOther, openSimilarity, openModerator, seed }: Pick<OpenedModel, 'openOther' | 'openSimilarity' | 'openModerator'> & { seed: number }): Promise<AssertionScoring | null> {
    const scorers = Object.entries(all).flatMap(([name, scorer]) => (scorer.type === 'assertions' ? [[name, scorer] as const] : []))
    if (scorers.length === 0) return null
    const fields = [...new Set(scorers.map(([, { field }]) => field))]
    const assertions = new Map(fields.map((field) => [field, new Map(items.map((item) => [item.id, ItemAssertions.of(item, field)]))]))
    const needs = [...assertions.values()].flatMap((byItem) => [...byItem.values()].map((one) => one.needs))
    const wanted = { graders: new Set(needs.flatMap(({ graders }) => graders)), embedders: new Set(needs.flatMap(({ embedders }) => embedders)), moderators: new Set(needs.flatMap(({ moderators }) => moderators)) }
    const graders = new Map<string, OpenedGrader>()
    for (const [name, grader] of named(scorers, 'graders', wanted.graders)) graders.set(name, { model: await openOther(grader.model), prompt: promptOf(name, grader), maxTokens: grader.maxTokens })
    const embedders = new Map<string, TextSimilarity>()
    for (const [name, embedder] of named(scorers, 'embedders', wanted.embedders)) embedders.set(name, await openSimilarity(embedder))
    const moderators = new Map(named(scorers, 'moderators', wanted.moderators).map(([name, endpoint]) => [name, openModerator(endpoint)]))
    return new AssertionScoring(scorers, assertions, { graders, embedders, moderators }, seed)
  }

  async score(scored: ScoredAnswer, item: TemplateItem, at: { question: string; meanLogLikelihood: MeanLogLikelihood }): Promise<AssertionScores> {
    const given: AssertionScores = { scores: {}, problems: {}, records: [], costsUsd: [], took: [] }
    const subject = this.subject(scored, item, { ...at, given })
    const verdicts = new Map<string, ItemVerdict>()
    for (const [field, byItem] of this.assertions) {
      const verdict = await byItem.get(item.id)?.judge(subject)
      if (verdict !== undefined) verdicts.set(field, verdict)
    }
    given.records = [...verdicts.values()].flatMap(({ records }) => records)
    for (const [name, { gives, field }] of this.scorers) {
      const verdict = verdicts.get(field)
      if (verdict === undefined) continue
      const score = typeof gives === 'object' ? (verdict.named.get(gives.metric) ?? null) : verdict[gives]
      if (score !== null) given.scores[name] = toWire(score)
      else if (typeof gives !== 'object') given.problems[name] = verdict.records.find((record) => record.score === null && record.reason !== undefined)?.reason ?? 'an assertion could not be told'
    }
    return given
  }

  async close(): Promise<void> {
    await Promise.all([...this.opened.graders.values()].map(({ model }) => model.close()))
    await Promise.all([...this.opened.embedders.values()].map((embedder) => embedder.close()))
  }

  private subject(scored: ScoredAnswer, item: TemplateItem, { question, meanLogLikelihood, given: { costsUsd, took } }: { question: string; meanLogLikelihood: MeanLogLikelihood; given: Pick<AssertionScores, 'costsUsd' | 'took'> }): Subject {
    return {
      output: scored.output,
      value: scored.output,
      scored,
      question,
      judge: async (name = 'default', given, ask, sample) => {
        const grader = this.opened.graders.get(name)
        if (grader === undefined) throw new TypeError(`grader ${name} is not open`)
        const messages = grader.prompt === null || Object.keys(given).length === 0 ? [...ask] : grader.prompt.map(({ role, template }): Message => ({ role, content: template.render(item, given) }))
        try {
          const reply = await grader.model.complete({ messages, temperature: 0, maxTokens: grader.maxTokens, stop: [], seed: this.seed, sample, ...fieldsRead(grader.model, item) })
          costsUsd.push(reply.costUsd)
          return reply.text
        } catch (error) {
          if (error instanceof CallFailed || error instanceof PromptRefused) throw new Undetermined(`the judge did not answer: ${error.message}`)
          throw error
        }
      },
      similarity: async (name = 'default', left, right, how) => {
        const embedder = this.opened.embedders.get(name)
        if (embedder === undefined) throw new TypeError(`embedder ${name} is not open`)
        try {
          return await embedder.measure(how, { left, right, took })
        } catch (error) {
          if (error instanceof CallFailed || error instanceof PromptRefused) throw new Undetermined(`the embedder did not answer: ${error.message}`)
          throw error
        }
      },
      moderate: async (name = 'default', text) => {
        const moderator = this.opened.moderators.get(name)
        if (moderator === undefined) throw new TypeError(`moderator ${name} is not open`)
        // Nothing was written: there is nothing to flag.
        if (text === '') return new Map()
        try {
          const { flags, costUsd } = await moderator.flags(text)
          costsUsd.push(costUsd)
          return new Map(Object.entries(flags))
        } catch (error) {
          if (error instanceof CallFailed || error instanceof PromptRefused) throw new Undetermined(`the moderation endpoint did not answer: ${error.message}`)
          throw error
        }
      },
      meanLogLikelihood: () => {
        if (meanLogLikelihood === null) throw new Undetermined('this model tells no likelihoods of its answers; local models do')
        return meanLogLikelihood()
      },
    }
  }
}

/** Those that are needed, from whichever scorer declares them. @throws {RunFailure} for one that none declares */
function named<Kind extends 'graders' | 'embedders' | 'moderators'>(scorers: readonly (readonly [string, AssertionsScorer])[], kind: Kind, wanted: ReadonlySet<string>): [string, AssertionsScorer[Kind][string]][] {
  return [...wanted].map((name) => {
    const found = scorers.map(([, scorer]) => scorer[kind][name]).find((one) => one !== undefined) as AssertionsScorer[Kind][string] | undefined
    if (found !== undefined) return [name, found]
    throw new RunFailure('invalid_params', `assertions of the dataset need ${kind.slice(0, -1)} "${name}", which no scorer of type assertions declares; add ${kind}: { ${name}: … } to scorers.${scorers[0]?.[0] ?? ''}`)
  })
}

function promptOf(name: string, { prompt }: Grader): OpenedGrader['prompt'] {
  if (prompt === undefined) return null
  const messages = typeof prompt === 'string' ? [{ role: 'user' as const, content: prompt }] : prompt
  return messages.map(({ role, content }, index) => ({ role, template: new PromptTemplate(content, `graders.${name}.prompt[${index}]`) }))
}
