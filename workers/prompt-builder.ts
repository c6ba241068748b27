/* Makes the text that a model reads: few-shot examples, then the question, from templates. */
import type { PromptParameters } from '../server/contracts/index.js'
import { RunFailure } from './run-context.js'
import { PromptTemplate, type TemplateItem } from './template.js'

export interface PromptItem extends TemplateItem {
  input: string
  target: string
}

export class PromptBuilder {
  private readonly template: PromptTemplate
  private readonly example: PromptTemplate | null
  private readonly prefix: string

  constructor(params: Pick<PromptParameters, 'template' | 'example' | 'separator'>, shots: readonly PromptItem[]) {
    this.template = new PromptTemplate(params.template, 'template')
    this.example = params.example === undefined ? null : new PromptTemplate(params.example, 'example')
    this.prefix = shots.map((shot) => this.renderExample(shot) + params.separator).join('')
  }

  /** The whole prompt of one item, few-shot examples in front. */
  render(item: PromptItem): string {
    return this.prefix + this.template.render(item)
  }

  /**
   * What follows the prompt if the answer is `label`: what the example template writes after the question,
   * so that few-shot examples and scored labels look alike; by default a space (unless the question ends with one) and the label.
   */
  continuation(item: PromptItem, label: string): string {
    const question = this.template.render(item)
    if (this.example === null) return joint(question) + label
    const answered = this.example.render({ ...item, target: label })
    if (answered.length > question.length && answered.startsWith(question)) return answered.slice(question.length)
    throw new RunFailure('template_invalid', `example does not begin with what template renders for item "${item.id}", so the answer cannot be told from the question; let example be the template, then the answer, or set scoring: generate`)
  }

  private renderExample(item: PromptItem): string {
    if (this.example !== null) return this.example.render(item)
    const question = this.template.render(item)
    return question + joint(question) + item.target
  }
}

function joint(question: string): string {
  return /\s$/.test(question) ? '' : ' '
}
