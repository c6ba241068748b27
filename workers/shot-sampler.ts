/*
 * Chooses the examples that stand in a prompt. Draws depend on the seed, and on the item where each item has
 * its own, but on nothing else: every template and every model sees the same ones, and k shots are among 2k
 * (common random numbers). The item that is asked, its twins by text and its cluster are never shown.
 * The samplers lm-eval repeat what another program draws, and shows twins as that does.
 */
import { createHash } from 'node:crypto'
import { drawShots } from './few-shot.js'
import { Random } from './engine/random.js'
import { PythonRandom } from './python-random.js'
import { RunFailure } from './run-context.js'
import type { PromptItem } from './prompt-builder.js'
import type { Nearest } from './nearest-examples.js'

/** Names this purpose among the seeded streams of a run (see streams in engine/random.ts). */
const PER_ITEM_STREAM = 103
const NEGATIVE_STREAM = 104
const WRONG_STREAM = 105

export interface Negative {
  item: PromptItem
  /** An answer that is not right. */
  wrong: string
}

export interface ShotSet {
  shots: PromptItem[]
  negatives: Negative[]
}

export interface SamplerOptions {
  pool: readonly PromptItem[]
  shots: number
  negatives: number
  seed: number
  labels: readonly string[] | null
  sampler: 'balanced' | 'random' | 'nearest' | 'fixed' | 'lm-eval' | 'lm-eval-spare'
  /** For fixed, in the order shown. */
  ids: readonly string[]
  perItem: boolean
  /** For lm-eval: all items of the split that is scored, in its order, and whether it is the pool. */
  asked: { items: readonly PromptItem[]; arePool: boolean }
  /** For nearest. */
  nearest: Nearest | null
  /** Where the pool comes from, for messages. */
  poolName: string
}

export class ShotSampler {
  private readonly options: SamplerOptions
  private readonly order: PromptItem[]
  private readonly negativeOrder: PromptItem[]
  private readonly lmEvalShots: ReadonlyMap<string, PromptItem[]>

  /** @throws {RunFailure} `invalid_params` when the pool lacks an id that is named, or has too few items. */
  constructor(options: SamplerOptions) {
    this.options = options
    this.order = options.sampler === 'fixed' ? fixedOrder(options) : this.drawn(options.seed)
    this.negativeOrder = this.drawn(streamSeed(options.seed, NEGATIVE_STREAM))
    const wanted = options.shots + options.negatives
    if (this.order.length < wanted && options.sampler !== 'fixed') {
      throw new RunFailure('invalid_params', `shots is ${options.shots}${options.negatives > 0 ? ` and negatives ${options.negatives}` : ''}, and ${options.poolName} has only ${options.pool.length} items`)
    }
    this.lmEvalShots = isLmEval(options.sampler) && options.shots > 0 ? drawLikeLmEval(options) : new Map()
  }

  async draw(item: PromptItem): Promise<ShotSet> {
    const { shots: count, negatives, sampler } = this.options
    if (count + negatives === 0) return { shots: [], negatives: [] }
    // What lm-evaluation-harness would show, twins and all.
    const shots = isLmEval(sampler) ? (this.lmEvalShots.get(item.id) ?? []) : take(await this.candidates(item), count, (shot) => !isTwin(item, shot))
    if (shots.length < count) {
      throw new RunFailure('invalid_params', `item "${item.id}" can be shown only ${shots.length} of ${count} examples of ${this.options.poolName}: the others are the item itself, say the same or share its cluster`)
    }
    const others = take(this.negativeOrder, negatives, (shot) => !isTwin(item, shot) && !shots.includes(shot))
    // The most similar one stands next to the question.
    return { shots: sampler === 'nearest' ? shots.reverse() : shots, negatives: others.map((other) => ({ item: other, wrong: this.wrongAnswer(other) })) }
  }

  private async candidates(item: PromptItem): Promise<Iterable<PromptItem>> {
    const { sampler, nearest, perItem, seed } = this.options
    if (sampler === 'nearest' && nearest !== null) return nearest.order(item, this.order)
    return perItem && sampler !== 'fixed' ? this.drawn(streamSeed(seed, PER_ITEM_STREAM, item.id)) : this.order
  }

  private drawn(seed: number): PromptItem[] {
    const { pool, labels, sampler } = this.options
    return drawShots(pool, { shots: pool.length, seed, labels: sampler === 'random' ? null : labels })
  }

  /** The item's own wrong answer where the dataset has one, else another label or another item's answer. */
  private wrongAnswer(item: PromptItem): string {
    if (typeof item['wrong'] === 'string') return item['wrong']
    const { labels, pool, seed } = this.options
    const others = labels === null ? [...new Set(pool.map(({ target }) => target))] : labels
    const wrong = others.filter((answer) => answer !== item.target)
    const chosen = wrong[Math.floor(new Random(streamSeed(seed, WRONG_STREAM, item.id)).uniform() * wrong.length)]
    if (chosen === undefined) throw new RunFailure('invalid_params', `negatives need an answer that is wrong, and every item of ${this.options.poolName} has the answer "${item.target}"`)
    return chosen
  }
}

function isLmEval(sampler: SamplerOptions['sampler']): boolean {
  return sampler === 'lm-eval' || sampler === 'lm-eval-spare'
}

/** Showing it would give the answer away. */
function isTwin(item: PromptItem, shot: PromptItem): boolean {
  if (shot.id === item.id || shot.input.trim() === item.input.trim()) return true
  return typeof item['cluster'] === 'string' && item['cluster'] === shot['cluster']
}

/**
 * One generator for all items, which draws for each in turn: k of the pool or, where the items are drawn from
 * among themselves (or a spare one is asked for), k + 1 without the item itself, or the last.
 */
function drawLikeLmEval({ pool, asked, shots, seed, poolName, sampler }: SamplerOptions): Map<string, PromptItem[]> {
  const random = new PythonRandom(seed)
  const wanted = shots + (asked.arePool || sampler === 'lm-eval-spare' ? 1 : 0)
  if (pool.length < wanted) throw new RunFailure('invalid_params', `shots is ${shots}, and ${poolName} has only ${pool.length} items`)
  const isOther = (shot: PromptItem, item: PromptItem): boolean => !asked.arePool || shot.id !== item.id
  return new Map(asked.items.map((item) => [item.id, random.sample(pool, wanted).filter((shot) => isOther(shot, item)).slice(0, shots)]))
}

function fixedOrder({ pool, ids, shots, poolName }: SamplerOptions): PromptItem[] {
  if (ids.length < shots) throw new RunFailure('invalid_params', `shots is ${shots}, and shotIds names only ${ids.length} items`)
  const byId = new Map(pool.map((item) => [item.id, item]))
  return ids.map((id) => {
    const item = byId.get(id)
    if (item === undefined) throw new RunFailure('invalid_params', `shotIds names "${id}", which ${poolName} does not have`)
    return item
  })
}

function take(items: Iterable<PromptItem>, count: number, fits: (item: PromptItem) => boolean): PromptItem[] {
  const taken: PromptItem[] = []
  for (const item of items) {
    if (taken.length === count) break
    if (fits(item)) taken.push(item)
  }
  return taken
}

function streamSeed(...parts: (number | string)[]): number {
  return createHash('sha256').update(parts.join('\0')).digest().readInt32LE(0) & 0x7fffffff
}
