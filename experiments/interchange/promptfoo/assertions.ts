/* Assertions of promptfoo as those of Bancada's items, with the item's variables filled in. */
import { extname } from 'node:path'
import { parse as parseYaml } from 'yaml'
import { compileScript, UnknownScript } from '../../answer-script/script.js'
import { ASSERTION_TYPES, AssertionSchema, EMBEDDED_TYPES, JUDGED_TYPES, type Assertion, type AssertionType, type Embedder, type Grader, type OpenAiEndpoint, type WrittenAssertions } from '../../../server/contracts/index.js'
import { fileNameIn, isScript, type ConfigNode } from './config-node.js'
import type { Findings } from '../findings.js'
import { renderNow, toJinja, Untranslatable } from './nunjucks.js'
import { embedderOf, modelOf, moderatorOf, type Env } from './providers.js'

/** What of promptfoo has no counterpart here, and what to do instead. */
const PROGRAM = 'say it with contains, regex, is-json and the like, or write it as a scorer of type custom'
const AGENT = 'traces and calls of tools are not taken in here'
const MARKUP = 'say it with regex, or write it as a scorer of type custom'
const REFUSED: Readonly<Record<string, string>> = {
  python: PROGRAM,
  ruby: PROGRAM,
  webhook: PROGRAM,
  'select-best': 'compare the runs: the paired test says which is better',
  'max-score': 'compare the runs: the paired test says which is better',
  human: 'let people judge the answers here',
  meteor: 'rouge-n, bleu and gleu are there; its synonyms come from a dictionary that does not come with this',
  classifier: 'no classifier of Hugging Face is asked here; moderation, llm-rubric and scorers of type custom are there',
  pi: 'it is judged by a service of one maker alone; llm-rubric and g-eval are there',
  'search-rubric': 'no judge here searches the web; llm-rubric is there',
  'agent-rubric': AGENT,
  'conversation-relevance': 'judge the last answer with answer-relevance or llm-rubric',
  guardrails: 'filters of endpoints show as finish-reason content_filter; moderation is there',
  'tool-call-f1': AGENT,
  'skill-used': AGENT,
  'is-valid-function-call': AGENT,
  'is-valid-openai-function-call': AGENT,
  'is-valid-openai-tools-call': AGENT,
  ...Object.fromEntries(['goal-success', 'tool-args-match', 'step-count', 'tool-sequence', 'tool-used'].map((name) => [`trajectory:${name}`, AGENT])),
  ...Object.fromEntries(['error-spans', 'span-count', 'span-duration'].map((name) => [`trace-${name}`, AGENT])),
  ...Object.fromEntries(['html', 'xml', 'sql'].flatMap((language) => [`is-${language}`, `contains-${language}`]).map((name) => [name, MARKUP])),
}
const ALIASES: Readonly<Record<string, AssertionType>> = { 'model-graded-factuality': 'factuality', 'similar:cosine': 'similar' }
/** Of them the question of the user is asked for by name. */
const WITH_QUERY = new Set<AssertionType>(['context-faithfulness', 'context-relevance'])
const LISTS = /^i?contains-(?:any|all)$/

const KEYS = new Set(['type', 'value', 'threshold', 'weight', 'metric', 'metricOnly', 'transform', 'provider', 'rubricPrompt', 'description', 'config', 'contextTransform'])

/** promptfoo's own choices at the time of writing; they change with its versions. */
const DEFAULT_GRADER = 'openai:chat:gpt-5.5-2026-04-23'
const DEFAULT_EMBEDDER = 'openai:embedding:text-embedding-3-large'
const DEFAULT_MODERATOR = 'openai:moderation:omni-moderation-latest'

export interface AssertionContext {
  vars: Readonly<Record<string, unknown>>
  /** Options of the test, which the assertion's own win over. */
  options: Pick<ConfigNode, 'get'>
  env: Env
  findings: Findings
  graders: GraderNames
}

/** The graders, embedders and moderators that assertions need, each under one name. */
export class GraderNames {
  readonly graders = new Map<string, { name: string; value: Grader }>()
  readonly embedders = new Map<string, { name: string; value: Embedder }>()
  readonly moderators = new Map<string, { name: string; value: OpenAiEndpoint }>()

  /** @param override what the command line names in place of all */
  constructor(readonly override: { grader?: string; embedder?: string; moderator?: string }) {}

  grader(value: Grader): string {
    return named(this.graders, value)
  }

  embedder(value: Embedder): string {
    return named(this.embedders, value)
  }

  moderator(value: OpenAiEndpoint): string {
    return named(this.moderators, value)
  }
}

function named<T>(known: Map<string, { name: string; value: T }>, value: T): string {
  const key = JSON.stringify(value)
  const name = known.get(key)?.name ?? (known.size === 0 ? 'default' : `other-${known.size}`)
  known.set(key, { name, value })
  return name
}

type Written = WrittenAssertions['assert'][number]
type WrittenOne = Exclude<Written, { type: 'assert-set' }>

/** Null where it is left out. */
export function readAssertion(node: ConfigNode, context: AssertionContext): Written | null {
  if (node.get('type').text !== 'assert-set') return readOne(node, context)
  const assert = node.get('assert').items().flatMap((inner) => readOne(inner, context) ?? [])
  if (assert.length === 0) return null
  return { type: 'assert-set', assert, ...counted(node, context) }
}

function readOne(node: ConfigNode, context: AssertionContext): WrittenOne | null {
  const { findings } = context
  const written = node.get('type').text
  if (written === undefined) {
    findings.refuse(node, 'an assertion has no type', 'write for example {type: contains, value: text}')
    return null
  }
  const bare = written.replace(/^not-/, '')
  const type = (Object.hasOwn(ALIASES, bare) ? ALIASES[bare] : ASSERTION_TYPES.find((known) => known === bare)) ?? null
  if (type === null) {
    findings.leaveOut(node.get('type'), `the assertion ${written}${Object.hasOwn(REFUSED, bare) && /script|python|ruby|webhook/.test(bare) ? ', which is code,' : ''} has no counterpart`, REFUSED[bare] ?? `there are ${ASSERTION_TYPES.join(', ')}`)
    return null
  }
  for (const key of node.keys()) if (!KEYS.has(key) && node.get(key).isThere) findings.leaveOut(node.get(key), `${key} of an assertion`, 'it has no counterpart; take it out')
  try {
    const transform = transformOf(node.get('transform'))
    if (WITH_QUERY.has(type) && typeof context.vars['query'] !== 'string') throw new Untranslatable('the test has no variable query, the question of the user')
    const needed = EMBEDDED_TYPES.has(type) ? embedderFor(type, node, context) : type === 'moderation' ? moderatorFor(node, context) : JUDGED_TYPES.has(type) ? graderFor(node, context) : undefined
    const embedder = type === 'answer-relevance' ? embedderFor(type, node, context) : undefined
    if (needed === null || embedder === null) return null
    const contextTransform = transformOf(node.get('contextTransform'))
    const value = valueOf(type, node.get('value'), context)
    if (type === 'javascript') compileScript(String(value))
    const categories = type === 'factuality' ? factualityOf(context.options.get('factuality')) : undefined
    const assertion = { type, ...(bare === written ? {} : { not: true }), ...(value === undefined ? {} : { value }), ...counted(node, context), ...(transform === undefined ? {} : { transform }), ...(needed === 'default' || needed === undefined ? {} : { grader: needed }), ...(embedder === 'default' || embedder === undefined ? {} : { embedder }), ...(contextTransform === undefined ? {} : { contextTransform }), ...(categories === undefined ? {} : { categories }) }
    const checked = AssertionSchema.safeParse(assertion)
    if (checked.success) return assertion as WrittenOne
    findings.refuse(node, `${checked.error.issues[0]?.path.join('.') ?? ''}: ${checked.error.issues[0]?.message ?? 'wrong'}`, 'correct it')
  } catch (error) {
    if (!(error instanceof Untranslatable || error instanceof UnknownScript)) throw error
    findings.leaveOut(node, `the assertion ${written}: ${error.message}`, type === 'javascript' ? 'say it in a shorter way, with contains, regex, is-json and the like, or write it as a scorer of type custom' : 'write it otherwise')
  }
  return null
}

/** Weight, metric and threshold; what counts as 1 is left unsaid. */
function counted(node: ConfigNode, { vars, env }: AssertionContext): { weight?: number; metric?: string; threshold?: number } {
  const [threshold, metric] = [node.get('threshold').value, node.get('metric').text]
  const weight = node.get('metricOnly').value === true ? 0 : (node.get('weight').number ?? 1)
  return {
    ...(weight === 1 ? {} : { weight }),
    ...(metric === undefined ? {} : { metric: renderNow(metric, vars, env) }),
    ...(threshold === undefined || threshold === null || threshold === '' ? {} : { threshold: Number(threshold) }),
  }
}

function transformOf(node: ConfigNode): string | undefined {
  if (!node.isThere) return undefined
  compileScript(String(node.value))
  return String(node.value)
}

/** The value with its file read and its variables filled in. */
function valueOf(type: AssertionType, node: ConfigNode, context: AssertionContext): unknown {
  const { value } = node
  if (value === undefined || value === null) return undefined
  const loaded = loadedValue(value, node)
  const filled = Array.isArray(loaded) ? loaded.map((part: unknown) => (typeof part === 'string' ? renderNow(part, context.vars, context.env) : part)) : typeof loaded === 'string' ? renderNow(loaded, context.vars, context.env) : loaded
  if (typeof filled !== 'string') return filled
  if (LISTS.test(type)) return partsOf(filled)
  if (type === 'is-json' || type === 'contains-json') return filled.trim() === '' ? undefined : (parseYaml(filled) as unknown)
  return filled
}

function loadedValue(value: unknown, node: ConfigNode): unknown {
  if (Array.isArray(value)) return value.map((part: unknown) => (fileNameIn(part) === undefined ? part : loadedValue(part, node)))
  const file = fileNameIn(value)
  if (file === undefined) return value
  if (isScript(file)) throw new Untranslatable(`its value ${String(value)} is a program`)
  if (['.json', '.yaml', '.yml'].includes(extname(file))) return node.folder.document(file).value
  return node.folder.text(file).trim()
}

/** Parts between commas; a part in quotation marks may hold some. */
function partsOf(text: string): string[] {
  const parts = text.match(/\s*(?:"(?:[^"]|"")*"|[^,]*)\s*(?:,|$)/g) ?? []
  return parts.map((part) => part.replace(/,\s*$/, '').trim().replace(/^"([\s\S]*)"$/, (_, inner: string) => inner.replaceAll('""', '"'))).filter((part) => part !== '')
}

function factualityOf(node: ConfigNode): Assertion['categories'] {
  if (!node.isFields) return undefined
  const names = { A: 'subset', B: 'superset', C: 'agree', D: 'disagree', E: 'differButFactual' } as const
  return Object.fromEntries(Object.entries(names).flatMap(([letter, name]) => (node.get(name).number === undefined ? [] : [[letter, node.get(name).number]])))
}

/** Who is named for texts or for vectors, and where. */
function namedFor(kind: 'text' | 'embedding' | 'moderation', node: ConfigNode, { options }: AssertionContext): { given: string | undefined; at: ConfigNode } {
  const provider = [node.get('provider'), options.get('provider')].find(({ isThere }) => isThere)
  const named = provider?.get(kind)
  const at = named?.isThere === true ? named : (provider ?? node)
  return { given: provider === undefined ? undefined : (at.text ?? at.get('id').text), at }
}

/** The name of who embeds; null where that one has no counterpart. */
function embedderFor(type: AssertionType, node: ConfigNode, context: AssertionContext): string | null {
  const { graders, findings } = context
  const { given, at } = namedFor('embedding', node, context)
  const id = graders.override.embedder ?? given ?? DEFAULT_EMBEDDER
  if (given === undefined && graders.override.embedder === undefined) findings.note(`Vectors for ${type} come from ${id}, since the config names no other; give --embedder to change it.`)
  const embedder = embedderOf(id, at, context)
  return embedder === null ? null : graders.embedder(embedder)
}

/** The name of who moderates; null where that one has no counterpart. */
function moderatorFor(node: ConfigNode, context: AssertionContext): string | null {
  const { graders, findings, env } = context
  const { given, at } = namedFor('moderation', node, context)
  const id = graders.override.moderator ?? given ?? DEFAULT_MODERATOR
  if (given === undefined && graders.override.moderator === undefined) findings.note(`Moderation is that of ${id}, since the config names no other; give --moderator to change it.`)
  const moderator = moderatorOf(id, at, { env, findings })
  return moderator === null ? null : graders.moderator(moderator)
}

/** The name of who judges; null where that one has no counterpart. */
function graderFor(node: ConfigNode, context: AssertionContext): string | null {
  const { graders, findings, env, options } = context
  const { given, at } = namedFor('text', node, context)
  const id = graders.override.grader ?? given ?? DEFAULT_GRADER
  if (given === undefined && graders.override.grader === undefined) findings.note(`Judgements come from ${id}, since the config names no other; give --grader to change it.`)
  const model = id.includes(':') && !id.startsWith('run:') ? modelOf(id, at, { env, findings }) : id
  if (model === null) return null
  const prompt = rubricPromptOf([node.get('rubricPrompt'), options.get('rubricPrompt')].find(({ isThere }) => isThere), env)
  return graders.grader({ model, ...(prompt === undefined ? {} : { prompt }), maxTokens: 1024 })
}

function rubricPromptOf(node: ConfigNode | undefined, env: Env): Grader['prompt'] {
  if (node === undefined) return undefined
  const value = loadedValue(node.value, node)
  const json: unknown = typeof value === 'string' && /^\s*\[/.test(value) ? safeJson(value) : value
  if (typeof json === 'string') return toJinja(json, { env }).template
  if (!Array.isArray(json)) throw new Untranslatable('its rubricPrompt is neither a text nor a list of messages')
  return json.map((message: unknown) => {
    const { role, content } = (message ?? {}) as { role?: unknown; content?: unknown }
    if ((role !== 'system' && role !== 'user' && role !== 'assistant') || typeof content !== 'string') throw new Untranslatable('its rubricPrompt is no list of messages with role and content')
    return { role, content: toJinja(content, { env }).template }
  })
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
