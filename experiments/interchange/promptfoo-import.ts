/*
 * An evaluation by promptfoo (the JSON of `eval -o`, results version 3) as an experiment with a run
 * for each prompt with its provider. Tests pair up by their variables.
 */
import { z } from 'zod'
import type { Example, ImportedRun } from '../../server/contracts/index.js'
import { testKey } from './promptfoo/test-key.js'
import { check, distinctNames, type Imported, ItemIds, metricName, parseJson, refuse, type SourceFile } from './source-file.js'

const TOOL = 'promptfoo'
/** What stands in place of an output where PROMPTFOO_STRIP_RESPONSE_OUTPUT is set. */
const STRIPPED = '[output stripped]'
const count = z.number().nonnegative().nullish()

const ResultSchema = z.looseObject({
  promptIdx: z.number().int().nonnegative(),
  testIdx: z.number().int().nonnegative(),
  prompt: z.looseObject({ raw: z.string() }).nullish(),
  vars: z.record(z.string(), z.unknown()).default({}),
  testCase: z.looseObject({ assert: z.array(z.looseObject({ type: z.string(), value: z.unknown().optional() })).nullish() }).nullish(),
  response: z.looseObject({ output: z.unknown().optional(), cached: z.boolean().nullish() }).nullish(),
  success: z.boolean(),
  score: z.number().nullable(),
  namedScores: z.record(z.string(), z.number()).nullish(),
  latencyMs: count,
  cost: count,
  tokenUsage: z.looseObject({ prompt: count, completion: count }).nullish(),
  error: z.string().nullish(),
  failureReason: z.number().int().min(0).max(2).default(0),
})
type Result = z.infer<typeof ResultSchema>

const FileSchema = z.looseObject({
  results: z.looseObject({
    version: z.literal(3),
    prompts: z.array(z.looseObject({ label: z.string().nullish(), raw: z.string(), provider: z.string() })).min(1),
    results: z.array(ResultSchema).min(1),
  }),
  config: z.looseObject({ description: z.string().nullish() }).nullish(),
})

export function isPromptfoo(value: unknown): boolean {
  const results = (value as { results?: { version?: unknown; prompts?: unknown } } | null)?.results
  return typeof results === 'object' && results !== null && 'version' in results && 'prompts' in results
}

/** @throws AppError `invalid_request` naming file and field of what does not fit */
export function readPromptfoo(file: SourceFile): Imported {
  const { results: evaluation, config } = check(FileSchema, parseJson(file.text, file), file)
  const stray = evaluation.results.findIndex(({ promptIdx }) => promptIdx >= evaluation.prompts.length)
  if (stray >= 0) refuse(file, `results.results.${stray}.promptIdx`, `there are only ${evaluation.prompts.length} prompts`, evaluation.results[stray]?.promptIdx)
  const names = distinctNames(evaluation.prompts.map(({ provider, label, raw }) => `${provider} · ${(label ?? raw).replaceAll(/\s+/g, ' ').slice(0, 80)}`))
  const runs = evaluation.prompts.flatMap(({ provider, raw }, promptIdx): ImportedRun[] => {
    const examples = examplesOf(evaluation.results.filter((result) => result.promptIdx === promptIdx))
    return examples.length === 0 ? [] : [{ name: names[promptIdx] ?? provider, params: { model: provider, template: raw, importedFrom: TOOL, importedFile: file.path }, durationMs: 0, examples }]
  })
  const named = [...new Set(runs.flatMap(({ examples }) => examples.flatMap(({ scores }) => Object.keys(scores))))].filter((id) => id !== 'pass' && id !== 'score')
  const name = config?.description?.trim() || file.path.split(/[/\\]/).at(-1) || TOOL
  return {
    experiments: [{
      name: name.slice(0, 120),
      dataset: `promptfoo:${name}`.slice(0, 200),
      source: { tool: TOOL, files: [file.path] },
      metrics: ['pass', 'score', ...named].map((id) => ({ id, higherIsBetter: true })),
      tags: ['imported', TOOL],
      notes: '',
      runs,
    }],
    notes: ['A cost of 0 is what promptfoo writes where it knows none, and was read as unknown.'],
  }
}

/** In the order of the tests, so that equal tests get equal numbers in every run. */
function examplesOf(results: readonly Result[]): Example[] {
  const ids = new ItemIds()
  return [...results].sort((a, b) => a.testIdx - b.testIdx).map((result) => exampleOf(result, ids.next(testKey(result.vars, result.testIdx))))
}

function exampleOf(result: Result, itemId: string): Example {
  const hasFailed = result.failureReason === 2
  const isScored = !hasFailed && result.score !== null
  const { output = null } = result.response ?? {}
  const hasNoOutput = output === null || output === STRIPPED
  const { prompt, completion } = result.tokenUsage ?? {}
  const hasTokens = (prompt ?? 0) + (completion ?? 0) > 0
  return {
    itemId,
    cluster: null,
    input: result.prompt?.raw ?? JSON.stringify(result.vars),
    output: hasNoOutput ? '' : typeof output === 'string' ? output : JSON.stringify(output),
    target: targetOf(result),
    status: hasFailed ? 'error' : isScored ? 'scored' : 'unscored',
    scores: isScored ? scoresOf(result) : {},
    error: hasFailed ? (result.error ?? 'promptfoo reports an error without a message') : null,
    latencyMs: hasFailed ? null : (result.latencyMs ?? null),
    ttftMs: null,
    tokensIn: hasTokens ? Math.round(prompt ?? 0) : null,
    tokensOut: hasTokens ? Math.round(completion ?? 0) : null,
    costUsd: result.cost ? result.cost : null,
    cached: result.response?.cached ?? false,
    details: { vars: result.vars, testIdx: result.testIdx, ...(hasNoOutput ? { hasNoOutput } : {}) },
  }
}

function scoresOf({ success, score, namedScores }: Result): Example['scores'] {
  const named = Object.entries(namedScores ?? {}).map(([name, value]) => [name === 'pass' || name === 'score' ? `${TOOL}/${name}` : metricName(TOOL, name), value])
  return { pass: Number(success), ...(score === null ? {} : { score }), ...Object.fromEntries(named) }
}

/** What a test asks for, where it asks for one text. */
function targetOf({ testCase }: Result): string | null {
  const texts = (testCase?.assert ?? []).filter(({ type, value }) => /^(equals|contains|icontains)$/.test(type) && typeof value === 'string')
  return texts.length === 1 ? String(texts[0]?.value) : null
}
