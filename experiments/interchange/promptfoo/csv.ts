/* Tables of tests: a column per variable, and columns of promptfoo's own that begin with two underscores. */
import { readCsv } from '../csv.js'
import { type ConfigFolder, ConfigNode } from './config-node.js'

/** Rows as tests of the config's own form. */
export function testsOfCsv(file: string, folder: ConfigFolder): ConfigNode[] {
  return readCsv(folder.text(file)).map(({ line, cells }) => ConfigNode.inLine(testOf(cells), { file, line, folder }))
}

function testOf(cells: Readonly<Record<string, string>>): Record<string, unknown> {
  const vars: Record<string, string> = {}
  const assert: Record<string, unknown>[] = []
  const options: Record<string, string> = {}
  const own: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(cells)) {
    if (name.startsWith('__expected')) {
      if (value.trim() !== '') assert.push(assertionOf(value))
    } else if (name === '__prefix' || name === '__suffix') options[name.slice(2)] = value
    else if (name === '__description') own['description'] = value
    else if (name === '__threshold') {
      if (value.trim() !== '') own['threshold'] = Number(value)
    } else if (!name.startsWith('__metadata:') && !name.startsWith('__config:') && name !== '__metric') vars[name] = value
  }
  const thresholds = Object.entries(cells).filter(([name, value]) => /^__config:__expected\d*:threshold$/.test(name) && value.trim() !== '')
  for (const [name, value] of thresholds) Object.assign(assert[Math.max(0, Number(/\d+/.exec(name)?.[0] ?? 1) - 1)] ?? {}, { threshold: Number(value) })
  const metric = cells['__metric']?.trim() ?? ''
  return { vars, assert: metric === '' ? assert : assert.map((one) => ({ ...one, metric })), options, ...own }
}

/** Default thresholds of a cell, by type; others have none in a cell. */
const CELL_THRESHOLDS: Readonly<Record<string, number>> = { similar: 0.8, 'answer-relevance': 0.75, 'context-recall': 0.75, 'rouge-n': 0.75, levenshtein: 0.75, latency: 0.75, cost: 0.75, perplexity: 0.75, 'perplexity-score': 0.75, 'starts-with': 0.75 }

/** `icontains:text`, `similar(0.9):text`, `grade:rubric` and the like; anything else must be equalled. */
function assertionOf(cell: string): Record<string, unknown> {
  const text = cell.trim()
  const script = /^(?:javascript|fn|eval|python):/.exec(text)?.[0]
  if (script !== undefined) return { type: script === 'python:' ? 'python' : 'javascript', value: text.slice(script.length).trim() }
  if (text.startsWith('file://')) return { type: text.includes('.py') ? 'python' : 'javascript', value: text }
  if (text.startsWith('grade:')) return { type: 'llm-rubric', value: text.slice('grade:'.length).trim() }
  const match = /^((?:not-)?[a-z]+(?:-[a-z]+)*(?::(?:cosine|dot|euclidean))?)(?:\((\d+(?:\.\d+)?)\))?(?::([\s\S]*))?$/.exec(text)
  const type = match?.[1]
  if (match === null || type === undefined || !isType(type)) return { type: 'equals', value: cell }
  const threshold = match[2] === undefined ? CELL_THRESHOLDS[type.replace(/^not-/, '')] : Number(match[2])
  const value = match[3]?.trim()
  const isList = /contains-(?:any|all)$/.test(type)
  return { type, ...(value === undefined || value === '' ? {} : { value: isList ? value.split(',').map((part) => part.trim()) : value }), ...(threshold === undefined ? {} : { threshold }) }
}

/** Names of promptfoo's assertions, so that a cell such as "yes" or "a:b" is a text to be equalled. */
const TYPES = /^(?:not-)?(?:equals|i?contains(?:-any|-all)?|contains-(?:json|html|sql|xml)|is-(?:json|html|sql|xml|refusal|valid-function-call|valid-openai-function-call|valid-openai-tools-call)|starts-with|regex|word-count|levenshtein|rouge-n|bleu|gleu|meteor|similar(?::\w+)?|latency|cost|perplexity(?:-score)?|llm-rubric|model-graded-(?:closedqa|factuality)|factuality|g-eval|answer-relevance|context-(?:recall|relevance|faithfulness)|conversation-relevance|classifier|moderation|guardrails|finish-reason|javascript|python|ruby|webhook|pi|search-rubric|agent-rubric|select-best|max-score|human|tool-call-f1|skill-used)$/

function isType(type: string): boolean {
  return TYPES.test(type) || type.startsWith('trajectory:') || type.startsWith('trace-')
}
