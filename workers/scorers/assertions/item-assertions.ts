/* The assertions of one item: read and made before anything is asked, then held against its answer. */
import { compileScript, UnknownScript } from '../../../experiments/answer-script/script.js'
import { EMBEDDED_TYPES, ItemAssertionsSchema, JUDGED_TYPES, type Assertion, type AssertionRecord, type AssertionSet, type AssertionType } from '../../../server/contracts/index.js'
import { RunFailure } from '../../run-context.js'
import type { TemplateItem } from '../../template.js'
import { AssertionError, Undetermined, type Check, type CheckMaker, type Outcome, type Subject } from './check.js'
import { answerRelevance, contextFaithfulness, contextRecall, contextRelevance } from './context-checks.js'
import { closedQa, factuality, gEval, llmRubric } from './judge-checks.js'
import { cost, finishReason, latency, moderation, perplexity } from './measured-checks.js'
import { bleu, gleu, levenshtein, rouge1, similar } from './overlap-checks.js'
import { javascript, varsOf } from './script-check.js'
import { contains, containsJson, containsSome, equals, icontains, icontainsSome, isJson, refuses, regex, startsWith, wordCount } from './text-checks.js'
import { verdictOf, type Counted, type Mean } from './verdict.js'

const MAKERS: Readonly<Record<AssertionType, CheckMaker>> = {
  equals,
  contains: contains(),
  'contains-any': containsSome(false),
  'contains-all': containsSome(true),
  icontains,
  'icontains-any': icontainsSome(false),
  'icontains-all': icontainsSome(true),
  'starts-with': startsWith,
  regex,
  'is-json': isJson,
  'contains-json': containsJson,
  'word-count': wordCount,
  'is-refusal': refuses,
  levenshtein,
  'rouge-n': rouge1,
  bleu,
  gleu,
  similar: similar('cosine'),
  'similar:dot': similar('dot'),
  'similar:euclidean': similar('euclidean'),
  latency,
  cost,
  'finish-reason': finishReason,
  moderation,
  perplexity: perplexity(false),
  'perplexity-score': perplexity(true),
  'llm-rubric': llmRubric,
  'model-graded-closedqa': closedQa,
  factuality,
  'g-eval': gEval,
  'context-faithfulness': contextFaithfulness,
  'context-recall': contextRecall,
  'context-relevance': contextRelevance,
  'answer-relevance': answerRelevance,
  javascript,
}

export interface ItemVerdict {
  /** Null where an assertion that counts could not be told. */
  pass: number | null
  score: number | null
  named: ReadonlyMap<string, number>
  records: AssertionRecord[]
}

interface Made {
  assertion: Assertion
  check: Check
  transform: Transform
}
type MadeSet = { set: AssertionSet; members: Made[] }

export class ItemAssertions {
  private constructor(
    private readonly made: readonly (Made | MadeSet)[],
    private readonly threshold: number | undefined,
    private readonly transform: Transform,
  ) {}

  /** @throws {RunFailure} `dataset_unfit` naming item, assertion and what is wrong with it */
  static of(item: TemplateItem, field: string): ItemAssertions {
    const parsed = ItemAssertionsSchema.safeParse(item[field])
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw new RunFailure('dataset_unfit', `item "${item.id}": ${[field, ...(issue?.path ?? [])].join('.')}: ${item[field] === undefined ? 'is missing, and a scorer of type assertions reads it; write {"assert": []} where nothing is asserted' : (issue?.message ?? 'wrong shape')}`)
    }
    const { assert, threshold, transform } = parsed.data
    const at = <T>(place: string, make: () => T): T => {
      try {
        return make()
      } catch (error) {
        if (error instanceof AssertionError || error instanceof UnknownScript) throw new RunFailure('dataset_unfit', `item "${item.id}": ${field}.${place}: ${error.message}`, { cause: error })
        throw error
      }
    }
    const one = (assertion: Assertion, place: string): Made => at(place, () => ({ assertion, check: MAKERS[assertion.type](assertion), transform: transformBy(assertion.transform) }))
    const made = assert.map((entry, index) => (entry.type === 'assert-set' ? { set: entry, members: entry.assert.map((member, inner) => one(member, `assert[${index}].assert[${inner}]`)) } : one(entry, `assert[${index}]`)))
    return new ItemAssertions(made, threshold, at('transform', () => transformBy(transform)))
  }

  /** Names of graders that its assertions need, of embedders and of moderators. */
  get needs(): { graders: string[]; embedders: string[]; moderators: string[] } {
    const all = this.made.flatMap((entry) => ('set' in entry ? entry.members : [entry])).map(({ assertion }) => assertion)
    return {
      graders: [...new Set(all.filter(({ type }) => JUDGED_TYPES.has(type)).map(({ grader }) => grader ?? 'default'))],
      embedders: [...new Set(all.flatMap(({ type, grader, embedder }) => (EMBEDDED_TYPES.has(type) ? [grader ?? 'default'] : type === 'answer-relevance' ? [embedder ?? 'default'] : [])))],
      moderators: [...new Set(all.flatMap(({ type, grader }) => (type === 'moderation' ? [grader ?? 'default'] : [])))],
    }
  }

  async judge(subject: Subject): Promise<ItemVerdict> {
    const records: AssertionRecord[] = []
    let seen: Subject
    try {
      seen = this.transform(subject)
    } catch (error) {
      return { pass: null, score: null, named: new Map(), records: [{ type: 'transform', pass: null, score: null, reason: reasonOf(error) }] }
    }
    const counted = await Promise.all(this.made.map((entry) => ('set' in entry ? countSet(entry, seen, records) : count(entry, seen, records))))
    const known = counted.filter((entry) => entry !== null)
    const { pass, score, named } = verdictOf(known, this.threshold)
    const isWhole = known.length === counted.length
    const lacking = lackingMetrics(records)
    return { pass: isWhole ? Number(pass) : null, score: isWhole ? score : null, named: meansOf(named, lacking), records }
  }
}

/** What an assertion sees of an answer. @throws {Undetermined} where the transform gives nothing of it */
type Transform = (subject: Subject) => Subject

function transformBy(source: string | undefined): Transform {
  if (source === undefined) return (subject) => subject
  const script = compileScript(source)
  return (subject) => {
    const value = valueOf(() => script(subject.value, varsOf(subject.scored.item)), source)
    return { ...subject, value, output: typeof value === 'string' ? value : JSON.stringify(value) }
  }
}

function valueOf(read: () => unknown, source: string): unknown {
  let value: unknown
  try {
    value = read()
  } catch (cause) {
    throw new Undetermined(`the transform ${source} fails for this answer: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  if (value === undefined || value === null) throw new Undetermined(`the transform ${source} gives nothing for this answer`)
  return value
}

/** Null where it could not be told and counts. */
async function count({ assertion, check, transform }: Made, subject: Subject, records: AssertionRecord[]): Promise<Counted | null> {
  const { type, not, metric, weight } = assertion
  const record: AssertionRecord = { type: not ? `not-${type}` : type, pass: null, score: null, ...(metric === undefined ? {} : { metric }) }
  records.push(record)
  let outcome: Outcome
  try {
    outcome = await check(transform(subject))
  } catch (error) {
    record.reason = reasonOf(error)
    return weight === 0 ? { outcome: { pass: true, score: 0 }, weight: 0, metric: undefined } : null
  }
  Object.assign(record, { pass: outcome.pass || weight === 0, score: outcome.score, ...(outcome.reason === undefined ? {} : { reason: outcome.reason }) })
  return { outcome, weight, metric }
}

async function countSet({ set, members }: MadeSet, subject: Subject, records: AssertionRecord[]): Promise<Counted | null> {
  const counted = await Promise.all(members.map((member) => count(member, subject, records)))
  const known = counted.filter((entry) => entry !== null)
  if (known.length < counted.length) {
    if (set.metric !== undefined) records.push({ type: set.type, pass: null, score: null, metric: set.metric })
    return null
  }
  const { named, ...outcome } = verdictOf(known, set.threshold)
  records.push({ type: set.type, ...outcome, ...(set.metric === undefined ? {} : { metric: set.metric }) })
  return { outcome, weight: set.weight, metric: set.metric, named }
}

/** A mean of what could be told would not be the mean that was asked for. */
function lackingMetrics(records: readonly AssertionRecord[]): ReadonlySet<string> {
  return new Set(records.flatMap(({ score, metric }) => (score === null && metric !== undefined ? [metric] : [])))
}

function meansOf(named: ReadonlyMap<string, Mean>, lacking: ReadonlySet<string>): Map<string, number> {
  return new Map([...named].flatMap(([metric, { sum, weight }]) => (lacking.has(metric) || weight === 0 ? [] : [[metric, sum / weight] as const])))
}

/** What cannot be told is told so; anything else is the run's own fault. */
function reasonOf(error: unknown): string {
  if (error instanceof Undetermined) return error.message
  throw error
}
