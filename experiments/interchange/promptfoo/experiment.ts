/* The experiment file of a config: its prompts and providers as axes, and what scores its answers. */
import { basename } from 'node:path'
import { stringify } from 'yaml'
import { METRICS } from '../../metrics.js'
import { type Findings, placeOf } from '../findings.js'
import { slug } from '../slug.js'
import type { GraderNames } from './assertions.js'
import type { ConfigNode } from './config-node.js'
import type { Item, Question } from './items.js'
import type { Provider } from './providers.js'

/** What it asks of OpenAI and Anthropic where a provider says nothing. */
const PROMPTFOO_MAX_TOKENS = 1024

export interface Parts {
  config: ConfigNode
  path: string
  providers: readonly Provider[]
  questions: readonly Question[]
  items: readonly Item[]
  graders: GraderNames
  findings: Findings
  /** Tokens of an answer where a provider names no limit; left out: what promptfoo asks for. */
  maxTokens: number | undefined
}

export function repeatsOf(config: ConfigNode): number | undefined {
  return config.get('evaluateOptions').get('repeat').number ?? config.get('commandLineOptions').get('repeat').number
}

export function experimentText(parts: Parts, { name, dataset }: { name: string; dataset: string }): string {
  const { config, path, providers, questions, items, graders, findings, maxTokens } = parts
  const option = (key: string): unknown => [config.get('evaluateOptions').get(key), config.get('commandLineOptions').get(key)].find(({ isThere }) => isThere)?.value
  const { scorers, metrics } = scorersOf(items, graders)
  const asksTime = items.some(({ assertions }) => assertions.assert.some((one) => one.type === 'latency' || (one.type === 'assert-set' && one.assert.some(({ type }) => type === 'latency'))))
  if (asksTime) findings.note('Assertions of latency need an answer that is waited for, so cache is off.')
  const [concurrency, timeoutMs, repeats] = [option('maxConcurrency'), option('timeoutMs'), repeatsOf(config)]
  const models = providers.map(({ model }) => model)
  const asked = questions.map(({ named }) => named)
  const spec = {
    name,
    kind: 'prompt',
    dataset,
    axes: { ...(models.length > 1 ? { model: models } : {}), ...(asked.length > 1 ? { prompt: asked } : {}) },
    fixed: {
      ...(models.length > 1 ? {} : { model: models[0] }),
      ...(asked.length > 1 ? {} : { prompt: asked[0] }),
      maxTokens: maxTokens ?? PROMPTFOO_MAX_TOKENS,
      scorers,
      ...(typeof concurrency === 'number' && concurrency >= 1 ? { concurrency: Math.min(256, Math.floor(concurrency)) } : {}),
      ...(typeof timeoutMs === 'number' && timeoutMs > 0 ? { timeoutSeconds: Math.min(86_400, timeoutMs / 1000) } : {}),
      ...(asksTime || option('cache') === false ? { cache: 'off' } : {}),
    },
    metrics,
    ...(repeats === undefined || repeats === 1 ? {} : { repeats }),
    tags: ['promptfoo', ...config.get('tags').keys().map((key) => `${key}: ${String(config.get('tags').get(key).value)}`.slice(0, 60))].slice(0, 50),
    notes: notesOf(path, findings),
  }
  return `# From the promptfoo config ${basename(path)}.\n${stringify(spec, { lineWidth: 0, aliasDuplicateObjects: false })}`
}

function notesOf(path: string, { leftOut, notes }: Findings): string {
  const left = leftOut.map((found) => `- left out: ${placeOf(found)}: ${found.what}`)
  return [`From the promptfoo config ${basename(path)}.`, ...left, ...[...notes].map((note) => `- ${note}`)].join('\n').slice(0, 20_000)
}

/** pass and score, and a metric for each name that assertions bear. */
function scorersOf(items: readonly Item[], { graders, embedders, moderators }: GraderNames): { scorers: Record<string, unknown>; metrics: string[] } {
  const named = new Set(items.flatMap(({ assertions }) => assertions.assert.flatMap((one) => [one.metric, ...(one.type === 'assert-set' ? one.assert.map(({ metric }) => metric) : [])])).filter((metric) => metric !== undefined))
  const asRecord = <T>(entries: ReadonlyMap<string, { name: string; value: T }>): Record<string, T> => Object.fromEntries([...entries.values()].map(({ name, value }) => [name, value]))
  const scorers: Record<string, unknown> = {
    pass: { type: 'assertions', gives: 'pass', ...(graders.size === 0 ? {} : { graders: asRecord(graders) }), ...(embedders.size === 0 ? {} : { embedders: asRecord(embedders) }), ...(moderators.size === 0 ? {} : { moderators: asRecord(moderators) }) },
    score: { type: 'assertions', gives: 'score' },
  }
  for (const metric of named) {
    const base = slug(metric, '_').replace(/^(?=[^a-z])/, 'm_').slice(0, 32) || 'metric'
    let name = base
    for (let count = 2; Object.hasOwn(scorers, name) || Object.hasOwn(METRICS, name); count++) name = `${base}_${count}`
    scorers[name] = { type: 'assertions', gives: { metric } }
  }
  return { scorers, metrics: Object.keys(scorers) }
}

export function cardOf({ title, description }: { title: string; description: string }, { items, path, findings }: Parts): string {
  const left = findings.leftOut.map((found) => `- \`${placeOf(found)}\`: ${found.what}`)
  return [`# ${title}`, '', description, '', `${items.length} items from \`${basename(path)}\`. Its licence is that of the config.`, ...(left.length === 0 ? [] : ['', 'Left out, because it has no counterpart:', '', ...left]), ''].join('\n')
}
