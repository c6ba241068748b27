/*
 * What a prompt run will ask: its items and, for each, the prompts in order. All templates are held against
 * all items before the first call, so that a field that is missing costs nothing.
 */
import { join } from 'node:path'
import type { Dataset } from '../../datasets/reader.js'
import type { PromptParameters } from '../../server/contracts/index.js'
import { drawItems } from '../few-shot.js'
import type { Nearest } from '../nearest-examples.js'
import { NO_SHOTS, PromptBuilder, type Given, type PromptItem } from '../prompt-builder.js'
import { PromptRefused } from '../providers/chat-model.js'
import { RunFailure, type RunContext } from '../run-context.js'
import { allowedItems } from '../race-order.js'
import { ShotSampler, type ShotSet } from '../shot-sampler.js'
import type { Question, QuestionStep } from './asking.js'
import { FoundContexts } from './found-contexts.js'

type Context = RunContext<PromptParameters>

/** The step whose answer is scored. */
const LAST_STEP = 'answer'

interface PlannedStep {
  name: string
  builder: PromptBuilder
  decoding: QuestionStep['decoding']
}

export class PromptPlan {
  private constructor(
    readonly items: readonly PromptItem[],
    private readonly steps: readonly PlannedStep[],
    private readonly sampler: ShotSampler,
    private readonly labels: readonly string[] | null,
    private readonly contexts: FoundContexts | null,
  ) {}

  /** @throws {RunFailure} for whatever would make every call in vain. */
  static async make(context: Context, labels: readonly string[] | null): Promise<PromptPlan> {
    const { params, dataset, assignment } = context
    const asked = await readItems(dataset, params.split)
    const drawn = drawItems(asked, params.limit, assignment.seed)
    if (drawn.length === 0) throw new RunFailure('dataset_unfit', `split "${params.split}" of "${dataset.manifest.name}" has no items`)
    const steps = stepsOf(params)
    const contexts = await FoundContexts.open(context, { items: drawn.length, isShown: steps.some(({ builder }) => builder.reads('context') || builder.reads('chunks')) })
    const items: PromptItem[] = []
    for (const item of drawn) items.push((await contexts?.with(item)) ?? item)
    const sampler = await openSampler(context, labels, asked)
    // Templates are held against what later rounds of a race would ask, too.
    const allowed = allowedItems(items, assignment, ({ cluster }) => (typeof cluster === 'string' ? cluster : null))
    const plan = new PromptPlan(allowed, steps, sampler, labels, contexts)
    for (const item of items) plan.assertFits(item)
    return plan
  }

  /** @throws {PromptRefused} when a template fails on this item's values. */
  async question(item: PromptItem): Promise<Question> {
    const { contexts } = this
    const drawn = await this.sampler.draw(item)
    const shots = contexts === null ? drawn : await withContexts(drawn, contexts)
    const found = contexts === null ? undefined : await contexts.of(item)
    const given = (builder: PromptBuilder, steps: Given['steps']): Given => ({ shots: builder === this.last.builder ? shots : NO_SHOTS, steps, labels: this.labels })
    const { builder: last } = this.last
    return {
      item,
      details: found?.details,
      steps: this.steps.map(({ name, builder, decoding }) => ({ name, decoding, messages: (outputs) => refusing(() => builder.messages(item, given(builder, outputs))) })),
      withInput: (input) => refusing(() => last.messages({ ...item, input }, given(last, {}))),
      continuation: (text, continues) => refusing(() => last.continuation(item, text, { given: given(last, {}), continues })),
    }
  }

  private get last(): PlannedStep {
    const step = this.steps.at(-1)
    if (step === undefined) throw new RangeError('a plan has at least one step')
    return step
  }

  private assertFits(item: PromptItem): void {
    const names: string[] = []
    for (const { name, builder } of this.steps) {
      builder.assertFits(item, names)
      names.push(name)
    }
  }
}

function stepsOf(params: PromptParameters): PlannedStep[] {
  const before = params.chain.map(({ name, template, system, ...decoding }): PlannedStep => ({ name, decoding, builder: new PromptBuilder({ template, separator: params.separator, ...(system === undefined ? {} : { system }) }) }))
  const { label: _label, ...named } = { label: undefined, ...params.prompt }
  const main = new PromptBuilder({ ...params, ...named })
  if (main.needsStepsInShots && params.shots + params.negatives > 0) {
    throw new RunFailure('invalid_params', 'template uses steps, and a few-shot example has no outputs of steps; set example to what an example shall look like, or shots to 0')
  }
  return [...before, { name: LAST_STEP, builder: main, decoding: undefined }]
}

/** Examples with what is found for their own questions. */
async function withContexts({ shots, negatives }: ShotSet, contexts: FoundContexts): Promise<ShotSet> {
  return {
    shots: await Promise.all(shots.map((shot) => contexts.with(shot))),
    negatives: await Promise.all(negatives.map(async (negative) => ({ ...negative, item: await contexts.with(negative.item) }))),
  }
}

async function openSampler({ params, dataset, assignment, folders, threads }: Context, labels: readonly string[] | null, asked: readonly PromptItem[]): Promise<ShotSampler> {
  const wanted = params.shots + params.negatives
  const poolName = `split "${params.shotSplit}" of "${dataset.manifest.name}"`
  if (wanted > 0 && dataset.splits[params.shotSplit] === undefined) {
    throw new RunFailure('dataset_unfit', `few-shot examples are drawn from ${poolName}, which is not there; name one of ${Object.keys(dataset.splits).join(', ')} in shotSplit, or set shots to 0`)
  }
  const pool = wanted === 0 ? [] : await readItems(dataset, params.shotSplit)
  const nearest = wanted === 0 || params.sampler !== 'nearest' ? null : await openNearest(pool, params, { cacheFolder: join(folders.cache, 'sentence-vectors'), threads })
  const { shots, negatives, sampler, shotIds: ids, shotsPerItem: perItem } = params
  return new ShotSampler({ pool, asked: { items: asked, arePool: params.split === params.shotSplit }, shots, negatives, sampler, ids, perItem, nearest, labels, seed: assignment.seed, poolName })
}

/** Loaded only where it is used: the sentence encoder is large. */
async function openNearest(pool: readonly PromptItem[], { nearestBy }: PromptParameters, options: { cacheFolder: string; threads: number }): Promise<Nearest> {
  const { nearestByMeaning, nearestByWords } = await import('../nearest-examples.js')
  return nearestBy === 'words' ? nearestByWords(pool) : nearestByMeaning(pool, options)
}

/** Questions to documents are answered from memory, unless their template shows the passage or what was found. */
export async function readItems(dataset: Dataset, split: string): Promise<PromptItem[]> {
  const { task } = dataset.manifest
  if (task === 'retrieval') return (await dataset.readAs('retrieval', split)).map((item) => ({ ...item, input: item.question, target: item.answer, cluster: item.document }))
  return task === 'generation' ? dataset.readAs('generation', split) : dataset.readAs('classification', split)
}

/** A template that fails on one item's values is that item's error; a missing field was found before. */
function refusing<T>(render: () => T): T {
  try {
    return render()
  } catch (error) {
    if (error instanceof RunFailure) throw new PromptRefused(error.message, { cause: error })
    throw error
  }
}
