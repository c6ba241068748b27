/* A LoRA run's data: prompts and answers from templates, as tokens of which only the answer's are learned. */
import type { Dataset } from '../../datasets/reader.js'
import type { LoraParameters } from '../../server/contracts/index.js'
import type { TrainingExample } from '../engine/engine.js'
import { encodeSupervised } from '../engine/formats/supervised.js'
import type { Tokenizer } from '../engine/formats/tokenizer.js'
import type { PromptItem } from '../prompt-builder.js'
import { RunFailure, type RunReport } from '../run-context.js'
import { PromptTemplate } from '../template.js'

export const TRAIN_SPLIT = 'train'
export const VALIDATION_SPLIT = 'validation'

/** How this run writes an item as prompt and answer. */
export class LoraTemplates {
  private readonly prompt: PromptTemplate
  private readonly answer: PromptTemplate

  constructor({ template, completion }: Pick<LoraParameters, 'template' | 'completion'>) {
    this.prompt = new PromptTemplate(template, 'template')
    this.answer = new PromptTemplate(completion, 'completion')
  }

  promptOf(item: PromptItem): string {
    return this.prompt.render(item)
  }

  /** The answer's text, for another target if one is given. */
  completionOf(item: PromptItem, target: string = item.target): string {
    return this.answer.render({ ...item, target })
  }
}

/** Items of a split, or a failure that says which splits a LoRA run needs. */
export async function readLoraItems(dataset: Dataset, split: string): Promise<PromptItem[]> {
  const { task, name } = dataset.manifest
  if (task !== 'classification' && task !== 'generation') throw new RunFailure('dataset_unfit', `a lora run needs a classification or generation dataset, and "${name}" is for ${task}`)
  if (dataset.splits[split] === undefined) {
    throw new RunFailure('dataset_unfit', `a lora run reads split "${split}", and "${name}" has only ${Object.keys(dataset.splits).join(', ')}; add the split to its dataset.yaml`)
  }
  return dataset.readAs(task, split)
}

export interface EncodeOptions {
  tokenizer: Tokenizer
  templates: LoraTemplates
  maxLength: number
  report: Pick<RunReport, 'log'>
  /** For messages: which items these are. */
  what: string
}

/** Items whose answer does not fit into maxLength teach nothing: they are left out, and counted aloud. */
export function encodeItems(items: readonly PromptItem[], { tokenizer, templates, maxLength, report, what }: EncodeOptions): TrainingExample[] {
  const examples: TrainingExample[] = []
  let cut = 0
  for (const item of items) {
    const record = { prompt: templates.promptOf(item), completion: templates.completionOf(item) }
    const { tokens, labels, supervisedTokens, isTruncated } = encodeSupervised(tokenizer, record, { maxLength })
    if (isTruncated) cut += 1
    if (supervisedTokens > 0) examples.push({ id: item.id, tokens, labels })
  }
  const lost = items.length - examples.length
  if (examples.length === 0) throw new RunFailure('dataset_unfit', `of ${items.length} ${what} items none has an answer within maxLength ${maxLength} tokens; raise maxLength or shorten the template`)
  if (cut > 0) report.log('warn', `${cut} of ${items.length} ${what} items are longer than maxLength ${maxLength} tokens and were cut at the end; ${lost} of them lost their whole answer and were left out`)
  return examples
}

