/* A LoRA run's data: the items of a split, and the examples they make. */
import type { Dataset } from '../../datasets/reader.js'
import { EngineError } from '../engine/engine-error.js'
import type { TrainingExample } from '../engine/engine.js'
import { showLearned, type SupervisedTokens } from '../engine/formats/supervised.js'
import type { Tokenizer } from '../engine/formats/tokenizer.js'
import type { PromptItem } from '../prompt-builder.js'
import { RunFailure, type RunReport } from '../run-context.js'
import type { LoraFormat } from './lora-format.js'

export const TRAIN_SPLIT = 'train'
export const VALIDATION_SPLIT = 'validation'
/** A log line is read by a person; what is cut is said. */
const LONGEST_SHOWN = 4_000

/**
 * Items of a split, or a failure that says which splits a LoRA run needs. A conversation's target is its last answer,
 * its input the message before; a text is all target.
 */
export async function readLoraItems(dataset: Dataset, split: string): Promise<PromptItem[]> {
  const { task, name } = dataset.manifest
  if (dataset.splits[split] === undefined) {
    throw new RunFailure('dataset_unfit', `a lora run reads split "${split}", and "${name}" has only ${Object.keys(dataset.splits).join(', ')}; add the split to its dataset.yaml`)
  }
  switch (task) {
    case 'classification':
    case 'generation':
      return dataset.readAs(task, split)
    case 'text':
      return (await dataset.readAs('text', split)).map((item) => ({ ...item, input: '', target: item.text }))
    case 'chat':
      return (await dataset.readAs('chat', split)).map((item) => {
        const answer = item.messages.findLastIndex(({ role }) => role === 'assistant')
        return { ...item, input: item.messages[answer - 1]?.content ?? '', target: item.messages[answer]?.content ?? '' }
      })
    case 'retrieval':
      throw new RunFailure('dataset_unfit', `a lora run needs a dataset for classification, generation, chat or text, and "${name}" is for ${task}`)
  }
}

export interface EncodeOptions {
  format: LoraFormat
  maxLength: number
  report: Pick<RunReport, 'log'>
  /** For messages: which items these are. */
  what: string
}

/** Items whose answer does not fit into maxLength teach nothing: they are left out, and counted aloud. */
export function encodeItems(items: readonly PromptItem[], { format, maxLength, report, what }: EncodeOptions): TrainingExample[] {
  const examples: TrainingExample[] = []
  let [cut, lost, endless] = [0, 0, 0]
  for (const item of items) {
    const pieces = encodeItem(item, format)
    const taught = pieces.filter(({ supervisedTokens }) => supervisedTokens > 0)
    if (pieces.some(({ isTruncated }) => isTruncated)) cut += 1
    if (taught.length === 0) lost += 1
    if (taught.some(({ learnsEnd, isTruncated }) => !learnsEnd && !isTruncated)) endless += 1
    for (const [index, { tokens, labels }] of taught.entries()) examples.push({ id: taught.length === 1 ? item.id : `${item.id}#${index}`, tokens, labels })
  }
  if (examples.length === 0) throw new RunFailure('dataset_unfit', `of ${items.length} ${what} items none has an answer within maxLength ${maxLength} tokens; raise maxLength or shorten the template`)
  if (cut > 0) report.log('warn', `${cut} of ${items.length} ${what} items are longer than maxLength ${maxLength} tokens and were cut; ${lost} of them lost their whole answer and were left out`)
  else if (lost > 0) report.log('warn', `${lost} of ${items.length} ${what} items have nothing to learn and were left out`)
  if (endless > 0) report.log('warn', `${endless} of ${items.length} ${what} items do not teach where an answer ends: no special token behind it is learned, so the model may not stop. See that the chat template closes each answer, and that lossOn covers it`)
  return examples
}

function encodeItem(item: PromptItem, format: LoraFormat): SupervisedTokens[] {
  try {
    return format.encode(item)
  } catch (error) {
    if (error instanceof EngineError) throw new RunFailure(error.code, `item "${item.id}": ${error.message}`, { cause: error })
    throw error
  }
}

/** Shows what is learned, before anything is: a wrong template or mask is seen at once. */
export function logFirstExample(example: TrainingExample, tokenizer: Tokenizer, report: Pick<RunReport, 'log'>): void {
  const [tokens, labels] = [[...example.tokens], [...example.labels]]
  const text = showLearned(tokenizer, { tokens, labels })
  const shown = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)} … (${text.length - LONGEST_SHOWN} more characters)` : text
  const learned = labels.filter((label) => label !== -100).length
  report.log('info', `first training example, "${example.id}": ${tokens.length} tokens, ${learned} of them learned, which stand in ⟦ ⟧:\n${shown}`)
}
