/* Likelihoods of a real model by tasks of lm-evaluation-harness, against what the harness makes of them (likelihood.py). */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { openDataset } from '../../../datasets/reader.js'
import { convertLmEvalTask } from '../../../experiments/interchange/lm-eval-task/convert.js'
import { TaskFile } from '../../../experiments/interchange/lm-eval-task/task-file.js'
import { summarizeMetric } from '../../../experiments/summary.js'
import { PromptParametersSchema, type Example, type PromptParameters } from '../../../server/contracts/index.js'
import { convertLlama2c } from '../../../workers/engine/formats/llama2c.js'
import { openLanguageModel } from '../../../workers/engine/generate.js'
import { rollingWindows } from '../../../workers/engine/rolling-windows.js'
import { pricedModel, type AccountedModel } from '../../../workers/providers/accounted-model.js'
import { EngineChatModel } from '../../../workers/providers/local.js'
import type { RunContext } from '../../../workers/run-context.js'
import { PromptPlan } from '../../../workers/runners/prompt-plan.js'
import { answering, scoringOf } from '../../../workers/runners/prompt.js'
import { describeWithStories, storiesFiles } from '../../support/stories260k.js'
import golden from './likelihood.json' with { type: 'json' }

const FIXTURES = 'tests/fixtures/lm-eval'
const OURS: Readonly<Record<string, string>> = { exact_match: 'greedy_match', perplexity: 'target_perplexity', f1: 'choice_f1' }

describe('windows of a long text', () => {
  it.each(golden.windows)('of $length tokens by $longest are those of the harness', ({ length, longest, windows }) => {
    const found = rollingWindows(Array.from({ length }, (_, index) => 100 + index), { start: 1, longest })
    expect(found.map(({ inputs, labels }) => [inputs, labels])).toEqual(windows)
  })

  it('of nothing are none', () => expect(rollingWindows([], { start: 1, longest: 4 })).toEqual([]))
})

/** F1 and Matthews' coefficient of two classes, by their definitions; the harness leaves them to scikit-learn. */
function binary(metric: string, pairs: readonly number[][]): number {
  const count = (gold: number, given: number): number => pairs.filter(([one, other]) => one === gold && other === given).length
  const [tp, fp, fn, tn] = [count(1, 1), count(0, 1), count(1, 0), count(0, 0)]
  const spread = Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
  return metric === 'f1' ? (2 * tp) / (2 * tp + fp + fn) : spread === 0 ? 0 : (tp * tn - fp * fn) / spread
}

describeWithStories('a real model by the harness’s tasks', () => {
  let home: string
  let model: AccountedModel

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'bancada-likelihood-'))
    convertLlama2c({ ...storiesFiles(), folder: join(home, 'model') })
    const engine = await openLanguageModel({ folder: join(home, 'model'), threads: 1, device: 'cpu' })
    model = pricedModel(new EngineChatModel('stories', engine, 'never'), () => null)
  })
  afterAll(async () => {
    await model.close()
    await rm(home, { recursive: true, force: true })
  })

  /** The task, with metrics that the file does not name, as an experiment. */
  async function examplesOf({ task, shots, extra, more }: (typeof golden.cases)[number]): Promise<{ examples: Example[]; metrics: string[] }> {
    const original = await readFile(join(FIXTURES, 'tasks', `${task}.yaml`), 'utf8')
    const file = join(home, `${task}.yaml`)
    await writeFile(file, original.replace('\nmetadata:', `${extra.map((metric) => `\n  - metric: ${metric}`).join('')}${more.map((line) => `\n${line}`).join('')}\nmetadata:`))
    const converted = convertLmEvalTask(TaskFile.read(file), { data: join(FIXTURES, 'data', task), shots, skipUnsupported: false, processed: true })
    for (const { path, text } of converted.files) {
      await mkdir(dirname(join(home, path)), { recursive: true })
      await writeFile(join(home, path), text)
    }
    const spec = parse(await readFile(join(home, converted.experiments[0] ?? ''), 'utf8')) as { fixed: unknown; metrics: string[]; seed: number }
    const params = PromptParametersSchema.parse(spec.fixed)
    const dataset = await openDataset(join(home, 'datasets', converted.dataset), [])
    const plan = await PromptPlan.make({ params, dataset, assignment: { seed: spec.seed }, folders: { cache: home }, threads: 1 } as unknown as RunContext<PromptParameters>, null)
    const answer = answering(scoringOf(params, null), { model, labels: null, language: 'und', metrics: spec.metrics, seed: spec.seed, params })
    const examples: Example[] = []
    for (const item of plan.items) examples.push(await answer(await plan.question(item)))
    return { examples, metrics: spec.metrics }
  }

  it.each(golden.cases)('$task with $shots shots', async (one) => {
    const { examples, metrics } = await examplesOf(one)
    const told = examples.map(({ details }) => Object.values(details['logLikelihoods'] ?? { only: details['logLikelihood'] }).map(Number))
    for (const [index, { results }] of one.items.entries()) {
      const wanted = results.map((result) => (typeof result === 'number' ? result : Number(result[0])))
      told[index]?.forEach((value, place) => expect(Math.abs(value - (wanted[place] ?? NaN)), `item ${index}, text ${place}`).toBeLessThan(1e-3 * Math.max(1, Math.abs(value) / 100)))
    }
    const ours = (name: string): string => (name === 'acc' ? (one.task === 'lambada_standard' ? 'greedy_match' : 'accuracy') : (OURS[name] ?? name))
    expect(metrics.toSorted()).toEqual(Object.keys(one.aggregated).map(ours).toSorted())
    for (const [name, value] of Object.entries(one.aggregated)) {
      const wanted = value ?? binary(name, one.items.map(({ scores }) => (scores as unknown as Record<string, number[]>)[name] ?? []))
      const summary = summarizeMetric(ours(name), examples)
      expect(summary.n).toBe(examples.length)
      expect(Math.abs(Number(summary.mean) - wanted), name).toBeLessThan(1e-4 * Math.max(1, wanted))
    }
  })
})
