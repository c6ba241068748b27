/* Tests as items of a dataset, and prompts as templates over their fields. */
import { Template } from '@huggingface/jinja'
import type { NamedPrompt, WrittenAssertions } from '../../../server/contracts/index.js'
import { compileScript, UnknownScript } from '../../answer-script/script.js'
import { freeVariables } from '../../template-variables.js'
import { ItemIds } from '../source-file.js'
import { type GraderNames, readAssertion } from './assertions.js'
import type { Findings } from '../findings.js'
import { type Derived, derivedValue, renderNow, Untranslatable } from './nunjucks.js'
import type { Prompt } from './prompts.js'
import type { Env } from './providers.js'
import { testKey } from './test-key.js'
import type { Test } from './tests.js'

export interface Item {
  id: string
  input: string
  target: string
  assertions: WrittenAssertions
  [field: string]: unknown
}

/** A prompt as a run takes it. */
export interface Question {
  prompt: Prompt
  named: NamedPrompt
}

interface Context {
  env: Env
  findings: Findings
  graders: GraderNames
}

/** Fields that an item has of its own, and names that templates are given besides. Variables so named stand in `vars`. */
const TAKEN = new Set(['id', 'target', 'cluster', 'assertions', 'vars', 'test', 'shots', 'negatives', 'steps', 'labels'])
/** Longer ones would be told as prompt #1 in the names of runs. */
const LONGEST_LABEL = 32
const OPTIONS = new Set(['transform', 'postprocess', 'prefix', 'suffix', 'provider', 'rubricPrompt', 'factuality', 'disableDefaultAsserts', 'disableVarExpansion', 'disableConversationVar', 'runSerially'])

/** @returns also the names of variables that stand in `vars` */
export function itemsOf(tests: readonly Test[], prompts: readonly Prompt[], context: Context): { items: Item[]; questions: Question[]; taken: ReadonlySet<string> } {
  const ids = new ItemIds()
  const derived = prompts.flatMap((prompt) => prompt.derived)
  const taken = takenNames(tests)
  const items = tests.flatMap((test, index) => itemOf(test, { index, taken, derived, ids, context }) ?? [])
  const hasAffixes = items.some((item) => item['prefix__'] !== undefined)
  const questions = prompts.flatMap((prompt) => questionOf(prompt, { items, taken, hasAffixes, findings: context.findings }) ?? [])
  return { items, questions, taken }
}

/** `input` is a field of items, too: a variable of that name may be it where it is a text in every test. */
function takenNames(tests: readonly Test[]): ReadonlySet<string> {
  const isInput = tests.every(({ vars }) => typeof vars['input'] === 'string' && vars['input'] !== '')
  return isInput ? TAKEN : new Set([...TAKEN, 'input'])
}

interface ItemOptions {
  index: number
  taken: ReadonlySet<string>
  derived: readonly Derived[]
  ids: ItemIds
  context: Context
}

function itemOf(test: Test, { index, taken, derived, ids, context }: ItemOptions): Item | null {
  const { env, findings } = context
  for (const key of test.options.keys()) if (!OPTIONS.has(key) && test.options.get(key).isThere) findings.leaveOut(test.options.get(key), `options.${key} of a test`, 'it has no counterpart; take it out')
  const vars = { ...test.vars }
  try {
    for (const one of derived) if (one.of in vars) vars[one.name] = derivedValue(one, vars)
    const transform = transformOf(test)
    const affixes = ['prefix', 'suffix'].map((key) => renderNow(test.options.get(key).text ?? '', vars, env))
    const assert = test.assert.flatMap((node) => readAssertion(node, { ...context, vars, options: test.options }) ?? [])
    const fields = Object.entries(vars)
    const own = fields.filter(([name]) => taken.has(name))
    return {
      id: ids.next(testKey(test.vars, index)),
      input: typeof vars['input'] === 'string' && vars['input'] !== '' ? vars['input'] : (Object.entries(test.vars).map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join('\n') || (test.description ?? `test ${index + 1}`)),
      target: targetOf(assert),
      ...(test.description === undefined ? {} : { test: test.description }),
      ...Object.fromEntries(fields.filter(([name]) => !taken.has(name) && name !== 'input')),
      ...(own.length === 0 ? {} : { vars: Object.fromEntries(own) }),
      ...(affixes.some((text) => text !== '') ? { prefix__: affixes[0], suffix__: affixes[1] } : {}),
      assertions: { assert, ...(test.threshold === undefined ? {} : { threshold: test.threshold }), ...(transform === undefined ? {} : { transform }) },
    }
  } catch (error) {
    if (!(error instanceof Untranslatable || error instanceof UnknownScript)) throw error
    findings.leaveOut(test.node, `the test: ${error.message}; it is left out`, 'write it otherwise')
    return null
  }
}

function transformOf({ options }: Test): string | undefined {
  const node = [options.get('transform'), options.get('postprocess')].find(({ isThere }) => isThere)
  if (node === undefined) return undefined
  compileScript(String(node.value))
  return String(node.value)
}

/** What a test asks for, where it asks for one text. */
function targetOf(assert: WrittenAssertions['assert']): string {
  const texts = assert.flatMap((one) => (one.type !== 'assert-set' && one.not !== true && /^(?:equals|i?contains)$/.test(one.type) && typeof one.value === 'string' ? [one.value] : []))
  return texts.length === 1 ? (texts[0] ?? '') : ''
}

/** Tried on every item; null where it cannot be rendered. */
function questionOf(prompt: Prompt, { items, taken, hasAffixes, findings }: { items: Item[]; taken: ReadonlySet<string>; hasAffixes: boolean; findings: Findings }): Question | null {
  const isText = prompt.question.template !== undefined
  if (hasAffixes && !isText) findings.leaveOut(prompt.node, 'prefix or suffix of tests around a conversation', 'write them into its messages')
  try {
    const named = { label: shortened(prompt.label), ...mapped(prompt.question, (template) => withNames(template, { taken, affixes: hasAffixes && isText })) }
    filledIn(templatesOf(named).flatMap((template) => freeVariables(new Template(template).parsed)), { what: `the prompt "${named.label}"`, items, findings })
    const templates = templatesOf(named).map((template) => new Template(template))
    for (const item of items) for (const template of templates) template.render({ ...item, steps: {}, shots: [], negatives: [], labels: [] })
    return { prompt, named }
  } catch (error) {
    findings.leaveOut(prompt.node, `the prompt "${prompt.label}" cannot be rendered: ${error instanceof Error ? error.message : String(error)}`, 'write it otherwise')
    return null
  }
}

/** As runs are named by it. */
function shortened(label: string): string {
  return label.length <= LONGEST_LABEL ? label : `${label.slice(0, LONGEST_LABEL - 1)}…`
}

function mapped(question: Omit<NamedPrompt, 'label'>, change: (template: string) => string): Omit<NamedPrompt, 'label'> {
  if (question.messages !== undefined) return { messages: question.messages.map(({ role, content }) => ({ role, content: change(content) })) }
  return question.json === undefined ? { template: change(question.template ?? '') } : { json: change(question.json) }
}

function templatesOf({ template, messages, json }: Omit<NamedPrompt, 'label'>): string[] {
  return messages?.map(({ content }) => content) ?? [template ?? json ?? '']
}

/** Variables whose names are taken are read from where they stand. */
export function withNames(template: string, { taken, affixes }: { taken: ReadonlySet<string>; affixes: boolean }): string {
  const read = new Set(freeVariables(new Template(template).parsed).map((name) => name.split('.')[0] ?? ''))
  const prelude = [...read].filter((name) => taken.has(name)).map((name) => `{% set ${name} = vars.${name} %}`).join('')
  return `${prelude}${affixes ? '{{ prefix__ }}' : ''}${template}${affixes ? '{{ suffix__ }}' : ''}`
}

/** What an item lacks of a template's variables renders as nothing in promptfoo: it gets it, and that is said. */
export function filledIn(wanted: readonly string[], { what, items, findings }: { what: string; items: Item[]; findings: Findings }): void {
  for (const path of new Set(wanted)) {
    const [root = '', part] = path.split('.')
    const name = root === 'vars' ? (part ?? '') : root
    let lacking = 0
    for (const item of items) {
      const holder = root === 'vars' ? ((item['vars'] ??= {}) as Record<string, unknown>) : item
      if (holder[name] !== undefined && holder[name] !== null) continue
      holder[name] = ''
      lacking += name.endsWith('__') ? 0 : 1
    }
    if (lacking > 0) findings.note(`The variable ${name} of ${what} is in ${lacking === items.length ? 'no test' : `${items.length - lacking} of ${items.length} tests`}; where it is not, it renders as nothing, as in promptfoo.`)
  }
}
