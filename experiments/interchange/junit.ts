/* Runs as JUnit XML, which build servers show: a suite per run, a case per item. */
import type { Example } from '../../server/contracts/index.js'
import { type Judgement, labelOf, type ReportedRun, type ReportFile } from './report.js'

/** wrong: failure; failed: error; without a score: skipped. Times are in seconds. */
export function junitReport(reported: readonly ReportedRun[], judgement: Judgement): ReportFile[] {
  return [{ path: '', pieces: xmlLines(reported, judgement) }]
}

function* xmlLines(reported: readonly ReportedRun[], judgement: Judgement): Generator<string> {
  const all = reported.flatMap(({ examples }) => examples)
  yield `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${counts(all, judgement)}>\n`
  for (const { run, examples } of reported) {
    const label = attribute(labelOf(run))
    yield `  <testsuite name="${label}" id="${attribute(run.id)}" timestamp="${attribute((run.startedAt ?? run.createdAt).slice(0, 19))}" ${counts(examples, judgement)}>\n`
    for (const example of examples) yield testCase(example, label, judgement)
    yield '  </testsuite>\n'
  }
  yield '</testsuites>\n'
}

function counts(examples: readonly Example[], { verdictOf }: Judgement): string {
  const of = Object.groupBy(examples, verdictOf)
  const seconds = examples.reduce((sum, { latencyMs }) => sum + (latencyMs ?? 0), 0) / 1000
  return `tests="${examples.length}" failures="${of.wrong?.length ?? 0}" errors="${of.error?.length ?? 0}" skipped="${of.unscored?.length ?? 0}" time="${seconds.toFixed(3)}"`
}

function testCase(example: Example, className: string, { metric, threshold, verdictOf }: Judgement): string {
  const time = example.latencyMs === null ? '' : ` time="${(example.latencyMs / 1000).toFixed(3)}"`
  const head = `    <testcase classname="${className}" name="${attribute(example.itemId)}"${time}`
  const told = text(`input: ${example.input}\noutput: ${example.output}\ntarget: ${example.target ?? 'none'}`)
  switch (verdictOf(example)) {
    case 'right':
      return `${head}/>\n`
    case 'wrong':
      return `${head}>\n      <failure type="${attribute(metric.id)}" message="${attribute(`${metric.id} is ${String(example.scores[metric.id])}, asked for ${metric.higherIsBetter ? 'at least' : 'at most'} ${threshold}`)}">${told}</failure>\n    </testcase>\n`
    case 'error':
      return `${head}>\n      <error message="${attribute(example.error ?? 'the item failed')}">${told}</error>\n    </testcase>\n`
    case 'unscored':
      return `${head}>\n      <skipped message="${attribute(`no ${metric.id} was scored`)}"/>\n    </testcase>\n`
  }
}

/** XML 1.0 has no place for most control characters and for halves of a surrogate pair, not even escaped. */
function text(raw: string): string {
  return raw
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '\uFFFD')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}

function attribute(raw: string): string {
  return text(raw).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\r', '&#13;').replaceAll('\t', '&#9;')
}
