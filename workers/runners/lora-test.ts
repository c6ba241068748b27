/* The test split of a LoRA run, scored with the checkpoint that was chosen. */
import type { Example, LoraParameters } from '../../server/contracts/index.js'
import { costOf } from '../cost.js'
import { encodeText } from '../engine/formats/supervised.js'
import type { LanguageModel } from '../engine/generate.js'
import { drawItems } from '../few-shot.js'
import type { PromptItem } from '../prompt-builder.js'
import { pricedModel } from '../providers/accounted-model.js'
import { EngineChatModel } from '../providers/local.js'
import type { RunContext } from '../run-context.js'
import { amongLabels, answerByGeneration, answerByLikelihood, withTargetLoss } from './answering.js'
import { readLoraItems } from './lora-data.js'
import type { LoraFormat } from './lora-format.js'
import { scoredText } from './text-score.js'

export interface TestOptions {
  split: string
  model: LanguageModel
  format: LoraFormat
  labels: readonly string[] | null
  onItem: (done: number, total: number) => void
}

/** Examples of this attempt and of earlier ones. */
export async function scoreTest(context: RunContext<LoraParameters>, options: TestOptions): Promise<Example[]> {
  const { dataset, params, assignment, report, doneExamples } = context
  const items = drawItems(await readLoraItems(dataset, options.split), params.testLimit, assignment.seed)
  const done = new Set(doneExamples.map(({ itemId }) => itemId))
  const examples = [...doneExamples]
  const score = scorer(context, options)
  for (const item of items.filter(({ id }) => !done.has(id))) {
    const example = await score(item)
    examples.push(example)
    report.example(example)
    options.onItem(examples.length, items.length)
  }
  return examples
}

function scorer({ dataset, params, assignment }: RunContext<LoraParameters>, { model, format, labels }: TestOptions): (item: PromptItem) => Promise<Example> {
  if (dataset.manifest.task === 'text') return (item) => scoreText(item, model, params.maxLength)
  const options = {
    model: pricedModel(new EngineChatModel(params.model, model), (facts) => costOf(params.price, facts)),
    language: dataset.manifest.language,
    seed: assignment.seed,
    params: { temperature: 0, maxTokens: params.maxTokens, stop: [] },
  }
  const answer = labels === null ? withTargetLoss(answerByGeneration({ ...options, labels: null }), options) : answerByLikelihood({ ...options, labels, choicesOf: amongLabels(labels) })
  return (item) =>
    answer({
      item,
      steps: [{ name: 'answer', messages: () => [{ role: 'user', content: format.promptOf(item) }] }],
      withInput: (input) => [{ role: 'user', content: format.promptOf({ ...item, input }) }],
      continuation: (text) => format.answerOf(item, text),
    })
}

async function scoreText(item: PromptItem, model: LanguageModel, maxLength: number): Promise<Example> {
  const losses = await model.tokenLosses(encodeText(model.tokenizer, item.target, maxLength))
  const nats = losses.reduce((total, piece) => total + piece.reduce((sum, nll) => sum + nll, 0), 0)
  return scoredText({ id: item.id, text: item.target }, { nats, tokens: losses.reduce((count, { length }) => count + length, 0) })
}
