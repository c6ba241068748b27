/*
 * Makes what a model reads of an item: one text or several messages, few-shot examples in front of the
 * question. A template that names `shots` or `negatives` places them itself.
 */
import { z } from 'zod'
import type { PromptParameters } from '../server/contracts/index.js'
import type { Message } from './providers/chat-model.js'
import { RunFailure } from './run-context.js'
import type { Negative, ShotSet } from './shot-sampler.js'
import { PromptTemplate, type TemplateItem } from './template.js'

export interface PromptItem extends TemplateItem {
  input: string
  target: string
}

export type PromptText = Pick<PromptParameters, 'template' | 'separator'> & Partial<Pick<PromptParameters, 'messages' | 'example' | 'negativeExample' | 'system' | 'shotsAs' | 'answerDelimiter'>> & { json?: string }

export interface Given {
  shots: ShotSet
  /** Outputs of earlier steps by name. */
  steps: Readonly<Record<string, string>>
  labels: readonly string[] | null
}

/** One message, or all of them as a template that renders to a JSON list. */
type Turn = { role: Message['role'] | 'all'; template: PromptTemplate }

const ChatSchema = z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })).min(1).refine((turns) => turns.at(-1)?.role === 'user')

/** Names that templates may use besides the item's fields. */
const GIVEN = ['shots', 'negatives', 'steps', 'labels']
export const NO_SHOTS: ShotSet = { shots: [], negatives: [] }

export class PromptBuilder {
  private readonly params: PromptText
  private readonly turns: Turn[]
  private readonly example: PromptTemplate | null
  private readonly negativeExample: PromptTemplate | null
  private readonly placesShots: boolean
  /** Most items share their examples, and rendering them once is enough. */
  private lastPrefix: { key: string; text: string } = { key: '', text: '' }

  /** @throws {RunFailure} `template_invalid` */
  constructor(params: PromptText) {
    this.params = params
    const system: Turn[] = params.system === undefined ? [] : [{ role: 'system', template: new PromptTemplate(params.system, 'system') }]
    const chat: Turn[] | undefined = params.json === undefined ? undefined : [{ role: 'all', template: new PromptTemplate(params.json, 'prompt.json') }]
    const turns: Turn[] = chat ?? params.messages?.map(({ role, content }, index) => ({ role, template: new PromptTemplate(content, `messages[${index}]`) })) ?? [{ role: 'user', template: new PromptTemplate(params.template, 'template') }]
    this.turns = [...system, ...turns]
    this.example = optional(params.example, 'example')
    this.negativeExample = optional(params.negativeExample, 'negativeExample')
    this.placesShots = this.reads('shots') || this.reads('negatives')
  }

  /** Refuses a template that an item cannot fill, before anything is asked. @throws {RunFailure} `template_variable` */
  assertFits(item: PromptItem, stepNames: readonly string[] = []): void {
    for (const { template } of this.turns) {
      template.assertFits(item, GIVEN)
      const unknown = template.variables.find((variable) => variable.startsWith('steps.') && !stepNames.includes(variable.slice('steps.'.length)))
      if (unknown !== undefined) {
        throw new RunFailure('template_variable', `a template uses "${unknown}", and ${stepNames.length === 0 ? 'no step of the chain comes before it' : `the steps before it are ${stepNames.join(', ')}`}`)
      }
    }
  }

  /** The whole prompt of one item. */
  messages(item: PromptItem, given: Given): Message[] {
    const values = { shots: given.shots.shots, negatives: given.shots.negatives.map(({ item: shot, wrong }) => ({ ...shot, wrong })), steps: given.steps, labels: given.labels ?? [] }
    const messages = this.turns.flatMap(({ role, template }): Message[] => (role === 'all' ? parseChat(template.render(item, values), item) : [{ role, content: template.render(item, values) }]))
    const question = messages.pop()
    if (question === undefined) throw new RunFailure('template_invalid', 'messages is empty; give at least one with the role user')
    if (this.placesShots || given.shots.shots.length + given.shots.negatives.length === 0) return [...messages, question]
    if (this.showsTurns) return [...messages, ...given.shots.shots.flatMap((shot) => this.shotTurns(shot, values)), question]
    return [...messages, { ...question, content: this.prefix(given) + question.content }]
  }

  /**
   * What follows the prompt if the answer is `label`: what the example template writes after the question,
   * so that few-shot examples and scored labels look alike; by default a space (unless the question ends with one) and the label.
   * @param continues whether the answer goes on in the text of the prompt; in a turn of its own it begins at once
   */
  continuation(item: PromptItem, label: string, { given, continues }: { given: Given; continues: boolean }): string {
    if (!continues) return label
    const question = this.messages(item, { ...given, shots: this.placesShots ? given.shots : NO_SHOTS }).at(-1)?.content ?? ''
    if (this.example === null) return (this.params.answerDelimiter ?? joint(question)) + label
    const answered = this.example.render({ ...item, target: label })
    if (answered.length > question.length && answered.startsWith(question)) return answered.slice(question.length)
    throw new RunFailure('template_invalid', `example does not begin with what template renders for item "${item.id}", so the answer cannot be told from the question; let example be the template, then the answer, or set scoring: generate`)
  }

  reads(name: string): boolean {
    return this.turns.some(({ template }) => template.reads(name))
  }

  /** Whether few-shot questions would need outputs of steps that were made for another item. */
  get needsStepsInShots(): boolean {
    const question = this.turns.at(-1)?.template
    return question?.reads('steps') === true && (this.example === null || this.showsTurns) && !this.placesShots
  }

  private get showsTurns(): boolean {
    const { shotsAs = 'auto', messages } = this.params
    return shotsAs === 'turns' || (shotsAs === 'auto' && messages !== undefined)
  }

  /** A question as it will be asked, and the right answer to it. */
  private shotTurns(shot: PromptItem, values: Readonly<Record<string, unknown>>): Message[] {
    const content = this.turns.at(-1)?.template.render(shot, values) ?? ''
    return [{ role: 'user', content }, { role: 'assistant', content: this.example === null ? shot.target : this.example.render(shot) }]
  }

  private prefix(given: Given): string {
    const { shots, negatives } = given.shots
    const key = JSON.stringify([shots.map(({ id }) => id), negatives.map(({ item, wrong }) => [item.id, wrong])])
    if (key !== this.lastPrefix.key) {
      const parts = [...negatives.map((negative) => this.negativeText(negative, given)), ...shots.map((shot) => this.exampleText(shot, given))]
      this.lastPrefix = { key, text: parts.map((part) => part + this.params.separator).join('') }
    }
    return this.lastPrefix.text
  }

  private exampleText(shot: PromptItem, given: Given): string {
    if (this.example !== null) return this.example.render(shot)
    const question = this.questionText(shot, given)
    return question + (this.params.answerDelimiter ?? joint(question)) + shot.target
  }

  private negativeText({ item, wrong }: Negative, given: Given): string {
    if (this.negativeExample !== null) return this.negativeExample.render(item, { wrong })
    const question = this.questionText(item, given)
    return `${question}${joint(question)}${wrong} (wrong; right: ${item.target})`
  }

  private questionText(shot: PromptItem, given: Given): string {
    return this.turns.at(-1)?.template.render(shot, { steps: given.steps, labels: given.labels ?? [] }) ?? ''
  }
}

function parseChat(text: string, item: PromptItem): Message[] {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new RunFailure('template_invalid', `prompt.json does not render to JSON for item "${item.id}": ${cause instanceof Error ? cause.message : String(cause)}; it reads: ${text.slice(0, 200)}`, { cause })
  }
  const parsed = ChatSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new RunFailure('template_invalid', `prompt.json does not render to a list of {role, content} whose last one is the user’s for item "${item.id}"; it reads: ${text.slice(0, 200)}`)
}

function optional(source: string | undefined, name: string): PromptTemplate | null {
  return source === undefined ? null : new PromptTemplate(source, name)
}

function joint(question: string): string {
  return /\s$/.test(question) ? '' : ' '
}
