/* Fields of an item that a model's request reads beside the prompt, as that of a service does. */
import type { AccountedModel } from '../providers/accounted-model.js'
import type { CompletionRequest } from '../providers/chat-model.js'
import { RunFailure } from '../run-context.js'
import type { TemplateItem } from '../template.js'

/** What a model's request reads of the item besides the prompt. */
export function fieldsRead({ variables }: Pick<AccountedModel, 'variables'>, item: TemplateItem): Pick<CompletionRequest, 'variables' | 'itemId'> {
  if (variables === undefined) return {}
  return { itemId: item.id, ...(variables.length === 0 ? {} : { variables: Object.fromEntries(variables.map((name) => [name, item[name]])) }) }
}

/** @throws {RunFailure} `template_variable` naming an item that lacks a field which the model's request reads */
export function assertFieldsRead({ variables = [], name }: Pick<AccountedModel, 'variables' | 'name'>, items: readonly TemplateItem[]): void {
  for (const item of items) {
    const missing = variables.find((variable) => item[variable] === undefined)
    if (missing !== undefined) throw new RunFailure('template_variable', `the request of ${name} reads "${missing}", which item "${item.id}" does not have; its fields are ${Object.keys(item).join(', ')}`)
  }
}
