/* Runs in the JSON that promptfoo writes with `eval -o` and reads with `import` (results version 3). */
import { z } from 'zod'
import { AssertionRecordSchema, type Example, fromWire, NamedPromptSchema, type Run } from '../../server/contracts/index.js'
import { sha256 } from './lm-eval-report.js'
import { type Judgement, labelOf, modelOf, numberOrNull, type ReportedRun, type ReportFile } from './report.js'

/** Places of the items among all that any run answered: the same test has one number in every run. */
type Tests = ReadonlyMap<string, number>

export function promptfooReport(reported: readonly ReportedRun[], judgement: Judgement, { version }: { version: string }): ReportFile[] {
  return [{ path: '', pieces: jsonPieces(reported, judgement, version) }]
}

function* jsonPieces(reported: readonly ReportedRun[], judgement: Judgement, version: string): Generator<string> {
  const [first] = reported
  const created = first?.run.createdAt ?? ''
  const tests: Tests = new Map([...new Set(reported.flatMap(({ examples }) => examples.map(({ itemId }) => itemId)))].map((id, index) => [id, index]))
  const prompts = reported.map((one) => promptOf(one, judgement))
  yield `{"evalId":${JSON.stringify(`eval-${first?.run.id ?? ''}-${created.slice(0, 19)}`)},"results":{"version":3,"timestamp":${JSON.stringify(created)},"prompts":${JSON.stringify(prompts)},"results":[`
  let comma = ''
  for (const [promptIdx, { run, examples }] of reported.entries()) {
    for (const example of examples) {
      yield `${comma}\n${JSON.stringify(resultOf({ run, promptIdx, testIdx: tests.get(example.itemId) ?? 0 }, example, judgement))}`
      comma = ','
    }
  }
  const config = { description: first?.run.experimentName ?? '', prompts: prompts.map(({ label }) => label), providers: prompts.map(({ provider }) => provider), tests: [] }
  const metadata = { bancadaVersion: version, platform: process.platform, arch: process.arch, exportedAt: new Date().toISOString(), evaluationCreatedAt: created }
  yield `\n],"stats":${JSON.stringify(statsOf(reported, judgement))}},"config":${JSON.stringify(config)},"shareableUrl":null,"metadata":${JSON.stringify(metadata)},"vars":["item"],"runtimeOptions":{}}\n`
}

function verdictCounts(examples: readonly Example[], { verdictOf }: Judgement): { pass: number; fail: number; error: number } {
  const of = Object.groupBy(examples, verdictOf)
  return { pass: of.right?.length ?? 0, fail: of.wrong?.length ?? 0, error: (of.error?.length ?? 0) + (of.unscored?.length ?? 0) }
}

/** A cell of promptfoo's table head: what it calls a prompt with its provider is a run here. */
function promptOf({ run, examples }: ReportedRun, judgement: Judgement) {
  const { pass, fail, error } = verdictCounts(examples, judgement)
  const raw = rawOf(run)
  const means = Object.entries(run.summary?.metrics ?? {}).flatMap(([metric, { mean, n }]) => (Number.isFinite(fromWire(mean)) ? [[metric, { sum: fromWire(mean) * n, n }] as const] : []))
  return {
    id: sha256(raw),
    raw,
    label: labelOf(run),
    provider: modelOf(run),
    metrics: {
      score: sumOf(examples.flatMap((example) => numberOrNull(example.scores[judgement.metric.id]) ?? [])),
      testPassCount: pass, testFailCount: fail, testErrorCount: error, assertPassCount: pass, assertFailCount: fail,
      totalLatencyMs: sumOf(examples.map(({ latencyMs }) => latencyMs)),
      tokenUsage: tokensOf(examples),
      namedScores: Object.fromEntries(means.map(([metric, { sum }]) => [metric, sum])),
      namedScoresCount: Object.fromEntries(means.map(([metric, { n }]) => [metric, n])),
      cost: run.summary?.costUsd ?? null,
    },
  }
}

/** The question as it was written, conversations as JSON. */
function rawOf(run: Run): string {
  const named = NamedPromptSchema.safeParse(run.params['prompt'])
  const { template, messages, json } = named.success ? named.data : { template: run.params['template'], messages: run.params['messages'], json: undefined }
  if (messages !== undefined) return JSON.stringify(messages)
  const text = template ?? json
  return typeof text === 'string' ? text : labelOf(run)
}

const RecordsSchema = z.array(AssertionRecordSchema).min(1)

/** What each of the item's own assertions said, where it has some and all of them could be told. */
function componentsOf({ details }: Example): { pass: boolean; score: number; reason: string; assertion: { type: string; metric?: string } }[] | undefined {
  const records = RecordsSchema.safeParse(details['assertions']).data ?? []
  const told = records.flatMap(({ type, pass, score, metric, reason }) => (pass === null || score === null ? [] : [{ pass, score, reason: reason ?? (pass ? 'it holds' : 'it does not hold'), assertion: { type, ...(metric === undefined ? {} : { metric }) } }]))
  return told.length === 0 || told.length < records.length ? undefined : told
}

function resultOf(at: { run: Run; promptIdx: number; testIdx: number }, example: Example, judgement: Judgement) {
  const { run, promptIdx, testIdx } = at
  const verdict = judgement.verdictOf(example)
  const { metric, threshold } = judgement
  const score = numberOrNull(example.scores[metric.id])
  const scores = Object.fromEntries(Object.entries(example.scores).flatMap(([id, value]) => (numberOrNull(value) === null ? [] : [[id, numberOrNull(value)]])))
  const success = verdict === 'right'
  const reason = `${metric.id} is ${String(score)}, ${metric.higherIsBetter ? 'at least' : 'at most'} ${threshold} is right`
  const hasFailed = verdict === 'error' || verdict === 'unscored'
  return {
    id: `${run.id}-${testIdx}`,
    promptIdx,
    testIdx,
    promptId: sha256(rawOf(run)),
    prompt: { raw: example.input, label: labelOf(run) },
    provider: { id: modelOf(run), label: labelOf(run) },
    vars: { item: example.itemId },
    testCase: { description: example.itemId, vars: { item: example.itemId }, assert: [], metadata: { target: example.target } },
    response: { output: example.output, tokenUsage: tokensOf([example]), cached: example.cached ?? false, latencyMs: example.latencyMs },
    gradingResult: hasFailed ? null : { pass: success, score, reason, namedScores: scores, componentResults: componentsOf(example) ?? [{ pass: success, score, reason, assertion: { type: 'equals', value: example.target, metric: metric.id } }] },
    success,
    score,
    namedScores: scores,
    latencyMs: example.latencyMs,
    cost: example.costUsd,
    tokenUsage: tokensOf([example]),
    metadata: { bancadaRunId: run.id, bancadaItemId: example.itemId, cluster: example.cluster },
    failureReason: hasFailed ? 2 : verdict === 'wrong' ? 1 : 0,
    ...(hasFailed ? { error: example.error ?? `no ${metric.id} was scored` } : success ? {} : { error: reason }),
  }
}

function statsOf(reported: readonly ReportedRun[], judgement: Judgement) {
  const examples = reported.flatMap((one) => one.examples)
  const { pass, fail, error } = verdictCounts(examples, judgement)
  return { successes: pass, failures: fail, errors: error, tokenUsage: tokensOf(examples), durationMs: sumOf(reported.map(({ run }) => run.summary?.durationMs ?? null)) }
}

/** Null as soon as one is not known: a partial sum would pass for the whole. */
function sumOf(values: readonly (number | null)[]): number | null {
  let sum = 0
  for (const value of values) {
    if (value === null) return null
    sum += value
  }
  return sum
}

function tokensOf(examples: readonly Example[]) {
  const prompt = sumOf(examples.map(({ tokensIn }) => tokensIn))
  const completion = sumOf(examples.map(({ tokensOut }) => tokensOut))
  return { prompt, completion, total: prompt === null || completion === null ? null : prompt + completion, numRequests: examples.length }
}
