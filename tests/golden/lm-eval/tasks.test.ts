/* Tasks of lm-evaluation-harness, unchanged, against what the harness itself asks and scores (tasks.py). */
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { openDataset } from '../../../datasets/reader.js'
import { convertLmEvalTask } from '../../../experiments/interchange/lm-eval-task/convert.js'
import { TaskTemplate } from '../../../experiments/interchange/lm-eval-task/jinja.js'
import { TaskFile } from '../../../experiments/interchange/lm-eval-task/task-file.js'
import { fromWire, PromptParametersSchema, ScorersSchema, type Example } from '../../../server/contracts/index.js'
import type { RunContext } from '../../../workers/run-context.js'
import { answerByLikelihood } from '../../../workers/runners/answering.js'
import { PromptPlan } from '../../../workers/runners/prompt-plan.js'
import { choosingAmong } from '../../../workers/runners/prompt.js'
import { makeScorers } from '../../../workers/scorers/named-scorers.js'
import type { PromptParameters } from '../../../server/contracts/index.js'
import golden from './tasks.json' with { type: 'json' }

const FIXTURES = 'tests/fixtures/lm-eval'

/** A model that tells the likelihoods it is given. */
function toldModel(logLikelihoods: readonly number[]): Parameters<typeof answerByLikelihood>[0]['model'] {
  const reply = { logLikelihoods, labelTokens: logLikelihoods.map(() => 1), greedy: null, tokensIn: 1, tokensOut: 0, latencyMs: 1, ttftMs: null, costUsd: null, cached: false }
  return { name: 'told', concurrency: 1, continuesText: () => true, scoreContinuations: async () => reply } as unknown as Parameters<typeof answerByLikelihood>[0]['model']
}

describe('templates', () => {
  it.each(golden.templates)('number %# is rendered as the harness renders it', ({ template, doc, text }) => {
    expect(new TaskTemplate(template).render(doc)).toBe(text)
  })

  it('that read what is not there are refused, unless they ask whether it is', () => {
    expect(() => new TaskTemplate('{{ a }} {{ b }}').render({ a: 1 })).toThrow('"{{ a }} {{ b }}" uses "b", and the row has only a')
    expect(() => new TaskTemplate('{{ a.c }}').render({ a: { b: 1 } })).toThrow('uses "a.c"')
    expect(new TaskTemplate("{{ b | default('none') }}{{ a.c is defined }}").render({ a: {} })).toBe('nonefalse')
  })
})

describe.each(golden.cases)('$task with $shots shots', ({ task, file, shots, items, generation }) => {
  let home: string
  let params: PromptParameters
  let metrics: string[]
  let plan: PromptPlan

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'bancada-lm-eval-'))
    const converted = convertLmEvalTask(TaskFile.read(join(FIXTURES, 'tasks', file)), { data: join(FIXTURES, 'data', task), shots, skipUnsupported: false })
    for (const { path, text } of converted.files) {
      await mkdir(dirname(join(home, path)), { recursive: true })
      await writeFile(join(home, path), text)
    }
    const spec = parse(await readFile(join(home, converted.experiments[0] ?? ''), 'utf8')) as { fixed: unknown; metrics: string[]; seed: number }
    params = PromptParametersSchema.parse(spec.fixed)
    metrics = spec.metrics
    const dataset = await openDataset(join(home, 'datasets', converted.dataset), [])
    plan = await PromptPlan.make({ params, dataset, assignment: { seed: spec.seed }, folders: { cache: home }, threads: 1 } as unknown as RunContext<PromptParameters>, null)
  })
  afterAll(() => rm(home, { recursive: true, force: true }))

  it('asks what the harness asks', async () => {
    const asked = []
    for (const item of plan.items) {
      const question = await plan.question(item)
      const [message] = question.steps.at(-1)?.messages({}) ?? []
      const choices = choosingAmong(params, [])(item)
      asked.push({ context: message?.content, continuations: params.choices === undefined ? null : choices.texts.map((text) => question.continuation(text, true)) })
    }
    expect(asked).toEqual(items.map(({ context, continuations }) => ({ context, continuations })))
    if (generation !== null) expect(params).toMatchObject({ stop: generation.until, temperature: generation.do_sample ? generation.temperature : 0, maxTokens: 256 })
  })

  it('scores what the harness scores', async () => {
    for (const [index, item] of plan.items.entries()) {
      const expected = items[index]
      if (expected !== undefined && 'likelihoods' in expected) {
        const answer = answerByLikelihood({ model: toldModel(expected.likelihoods), labels: null, language: 'und', metrics, seed: 0, params, choicesOf: choosingAmong(params, []) })
        const { scores }: Example = await answer(await plan.question(item))
        const told = Object.fromEntries(metrics.map((metric) => [metric === 'accuracy' ? 'acc' : metric, fromWire(scores[metric] ?? 'NaN')]))
        expect(told).toEqual(expected.scores)
      } else if (expected !== undefined && 'replies' in expected) {
        const scorers = await makeScorers(ScorersSchema.parse(params.scorers), home)
        for (const { replies, scores } of expected.replies) {
          const samples = replies.length === 1 ? Array.from({ length: params.samples }, () => replies[0] ?? '') : replies
          const [reply = ''] = replies
          const given = await Promise.all([...scorers].map(async ([name, scorer]) => [name, await scorer({ answer: reply, samples, output: reply, target: item.target, item, language: 'und', latencyMs: null, ttftMs: null, costUsd: null, tokensOut: null })]))
          const wanted = Object.entries(scores).map(([filter, score]) => [`exact_match_${filter.replaceAll(/[-@]/g, '_')}`, score])
          expect({ replies, scores: Object.fromEntries(given) as unknown }).toEqual({ replies, scores: Object.fromEntries(wanted) as unknown })
        }
      }
    }
  })
})
