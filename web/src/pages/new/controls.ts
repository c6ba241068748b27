/** Which control fits a parameter, by its JSON Schema. Pure. */
import { parse, stringify } from 'yaml'
import type { FormParameter } from '../../../../server/contracts/form.js'

export type Scalar = string | number | boolean

export type Control =
  | { kind: 'choice'; options: readonly Scalar[] }
  | { kind: 'number'; isWhole: boolean; min: number | undefined; max: number | undefined }
  | { kind: 'text' }
  /** Lists, objects and whatever takes several types: written as the file writes it. */
  | { kind: 'yaml' }

type JsonSchema = FormParameter['schema']

const numberOf = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)

export function controlOf(schema: JsonSchema): Control {
  const options = schema['enum']
  if (Array.isArray(options)) return { kind: 'choice', options: options as Scalar[] }
  switch (schema['type']) {
    case 'boolean':
      return { kind: 'choice', options: [true, false] }
    case 'integer':
    case 'number':
      return { kind: 'number', isWhole: schema['type'] === 'integer', min: numberOf(schema['minimum']), max: numberOf(schema['maximum']) }
    case 'string':
      return { kind: 'text' }
    default:
      return { kind: 'yaml' }
  }
}

/** A value on as few lines as it takes, as the file may write it. */
export function yamlOf(value: unknown): string {
  if (value === undefined) return ''
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0 }).trimEnd()
}

export type Read = { value: unknown } | { fault: string }

/** The value that a reader typed; an empty field is no value. Texts are taken as they stand. */
export function readValue(text: string, control: Control): Read {
  if (control.kind === 'text') return { value: text === '' ? undefined : text }
  if (text.trim() === '') return { value: undefined }
  try {
    return { value: parse(text) as unknown }
  } catch (error) {
    return { fault: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) }
  }
}

/** `1, 4, 16` or one per line, as the values of an axis. */
export function readList(text: string): Read {
  try {
    const value: unknown = parse(`[${text.replaceAll(/[\n;]+/g, ',').replace(/,\s*$/, '')}]`)
    return { value: Array.isArray(value) ? value : [value] }
  } catch (error) {
    return { fault: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error) }
  }
}

export const listText = (values: readonly unknown[]): string => values.map(yamlOf).join(', ')

/** What a parameter starts with when it is added: its default, else the least that its schema takes. */
export function firstValue({ default: preset, schema }: FormParameter): unknown {
  if (preset !== undefined) return preset
  const control = controlOf(schema)
  if (control.kind === 'choice') return control.options[0]
  if (control.kind === 'number') return control.min ?? 1
  return control.kind === 'text' ? '' : []
}
