/*
 * Which losses of single tokens an evaluation leaves behind: of all validation items where their tokens are few, else of
 * those whose loss has risen most since its lowest, together with the losses at that lowest point, so that the two can be
 * compared token by token. The evaluation computes them anyway; only their storage is bounded.
 */
import { MOST_TOKEN_LOSSES } from '../../server/contracts/index.js'
import type { TrainingExample } from '../engine/engine.js'
import { IGNORED_LABEL } from '../engine/formats/supervised.js'
import { StreamDecoder } from '../engine/formats/stream-decoder.js'
import type { Tokenizer } from '../engine/formats/tokenizer.js'
import { isSpecialToken } from '../engine/formats/turn-end.js'
import type { ItemTokens, MeasuredLoss, TokenLosses } from '../run-context.js'

/** Of a context that is only read, the end explains the answer; a chapter before it does not. */
const LONGEST_CONTEXT = 400

export interface EvaluatedItem extends MeasuredLoss {
  /** What was evaluated. */
  example: TrainingExample
  /** In nats, of each counted token. */
  tokenLosses: Float32Array
}

/** The lowest loss an item has had in this attempt. */
interface Lowest {
  loss: number
  record: TokenLosses
  isKept: boolean
}

export class TokenLossChoice {
  private readonly lowest = new Map<string, Lowest>()
  private readonly described = new Set<string>()
  private readonly tokenizer: Tokenizer
  private readonly most: number

  /** @param most tokens kept of one evaluation, those of lowest points included */
  constructor(tokenizer: Tokenizer, most: number = MOST_TOKEN_LOSSES) {
    this.tokenizer = tokenizer
    this.most = most
  }

  /** What to keep of the evaluation at `step`; called once for each, in their order. */
  choose(step: number, items: readonly EvaluatedItem[]): { items: ItemTokens[]; losses: TokenLosses[] } {
    const losses: TokenLosses[] = []
    const kept = new Set<string>()
    let room = this.most
    for (const { itemId, tokenLosses } of this.byRise(items)) {
      const lowest = this.lowest.get(itemId)
      const size = tokenLosses.length + (lowest?.isKept === false ? lowest.record.losses.length : 0)
      if (size > room) continue
      room -= size
      kept.add(itemId)
      losses.push({ itemId, step, losses: tokenLosses })
      if (lowest?.isKept === false) {
        losses.push(lowest.record)
        lowest.isKept = true
      }
    }
    this.remember(step, items, kept)
    const fresh = items.filter(({ itemId }) => kept.has(itemId) && !this.described.has(itemId))
    for (const { itemId } of fresh) this.described.add(itemId)
    return { items: fresh.map(({ itemId, example }) => ({ itemId, ...describeTokens(this.tokenizer, example) })), losses }
  }

  /** Largest rise first, what is no number last, equals in the order of the data. */
  private byRise(items: readonly EvaluatedItem[]): EvaluatedItem[] {
    const rise = ({ itemId, loss }: EvaluatedItem): number => (Number.isFinite(loss) ? loss - (this.lowest.get(itemId)?.loss ?? loss) : -Infinity)
    return items.toSorted((a, b) => rise(b) - rise(a) || 0)
  }

  private remember(step: number, items: readonly EvaluatedItem[], kept: ReadonlySet<string>): void {
    for (const { itemId, loss, tokenLosses } of items) {
      const before = this.lowest.get(itemId)
      if (Number.isFinite(loss) && (before === undefined || loss < before.loss)) this.lowest.set(itemId, { loss, record: { itemId, step, losses: tokenLosses }, isKept: kept.has(itemId) })
    }
  }
}

/**
 * An example as text, token by token where the loss counts. What is only read in between is one piece, cut at its start
 * where it is long. A token that ends within a character is empty: the one that completes it holds the character.
 */
export function describeTokens(tokenizer: Tokenizer, { tokens, labels }: Pick<TrainingExample, 'tokens' | 'labels'>): Omit<ItemTokens, 'itemId'> {
  const decoder = new StreamDecoder(tokenizer, [])
  const texts: string[] = []
  const counted: boolean[] = []
  let context = ''
  const endContext = (): void => {
    if (context === '') return
    texts.push(context.length > LONGEST_CONTEXT ? `…${context.slice(-LONGEST_CONTEXT)}` : context)
    counted.push(false)
    context = ''
  }
  for (const [index, token] of [...tokens].entries()) {
    const text = isSpecialToken(tokenizer, token) ? (tokenizer.tokenText(token) ?? '') : decoder.push(token)
    if (index === 0 || labels[index] === IGNORED_LABEL) {
      context += text
      continue
    }
    endContext()
    texts.push(text)
    counted.push(true)
  }
  const rest = decoder.flush()
  if (rest !== '' && context === '' && texts.length > 0) texts.push(`${texts.pop() ?? ''}${rest}`)
  else context += rest
  endContext()
  return { texts, counted }
}
