/* Parts of a single file that are kept from the test: for few-shot examples and for training. */
import { AppError } from '../../../server/contracts/index.js'
import { randomWords } from '../../statistics/random.js'

/** The same draw for the same file, so that importing it again changes nothing. */
const SEED = 42

/**
 * Draws the train and the validation split out of the one split there is; what is left is the test split, in the file's order.
 * Items of one group (the same text, or the same source) stay together: a test item must not have been learned.
 */
export function drawSplits<Item>(splits: ReadonlyMap<string, readonly Item[]>, { trainItems, validationItems }: { trainItems: number; validationItems: number }, groupOf: (item: Item) => string): Map<string, Item[]> {
  const [items, ...others] = splits.values()
  if (items === undefined || others.length > 0) throw new AppError('invalid_request', 'Nothing was imported: --train and --validation are for a single file; of several files each is a split already.')
  if (trainItems + validationItems >= items.length) throw new AppError('invalid_request', `Nothing was imported: --train ${trainItems} and --validation ${validationItems} leave nothing to test of ${items.length} items.`)
  const splitOf = new Map<string, string>()
  const sizes = { train: 0, validation: 0 }
  const wanted = { train: trainItems, validation: validationItems }
  const groups = Map.groupBy(items, groupOf)
  for (const group of shuffled([...groups.keys()])) {
    const size = groups.get(group)?.length ?? 0
    const open = (['train', 'validation'] as const).find((split) => sizes[split] + size <= wanted[split])
    if (open !== undefined) sizes[open] += size
    splitOf.set(group, open ?? 'test')
  }
  const drawn = new Map<string, Item[]>()
  for (const split of ['train', 'validation', 'test']) {
    const part = items.filter((item) => splitOf.get(groupOf(item)) === split)
    if (part.length > 0) drawn.set(split, part)
    else if (split === 'test') throw new AppError('invalid_request', 'Nothing was imported: nothing is left to test; ask for smaller --train and --validation.')
  }
  return drawn
}

/** Fisher and Yates. */
function shuffled<Value>(values: Value[]): Value[] {
  const next = randomWords(SEED)
  for (let index = values.length - 1; index > 0; index -= 1) {
    const other = next() % (index + 1)
    const [a, b] = [values[index], values[other]]
    if (a !== undefined && b !== undefined) [values[index], values[other]] = [b, a]
  }
  return values
}
