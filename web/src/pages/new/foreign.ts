/** What a file still holds of the kind it had before: parameters, metrics and a race that its kind does not know. Pure. */
import { RACED_KINDS } from '../../../../experiments/race-rules.js'
import type { FormKind } from '../../../../server/contracts/form.js'
import { type Fields, isFields } from '../../fields.js'

export interface Change {
  path: readonly (string | number)[]
  /** Undefined takes out what stands there. */
  value: unknown
}

export interface Foreign {
  /** As they stand in the file. */
  names: string[]
  /** What takes them out. */
  changes: Change[]
}

export function foreignOf(value: Fields, { kind, parameters, metrics }: Pick<FormKind, 'kind' | 'metrics'> & { parameters: readonly { name: string }[] }): Foreign {
  const known = new Set(parameters.map(({ name }) => name))
  const removed = [
    ...(value['model'] !== undefined && !known.has('model') ? [['model']] : []),
    ...['axes', 'fixed'].flatMap((part) => Object.keys(fieldsOf(value[part])).filter((name) => !known.has(name)).map((name) => [part, name])),
  ]
  const isRace = value['strategy'] === 'race' && !RACED_KINDS.includes(kind)
  const scorers = known.has('scorers') ? Object.keys(fieldsOf(fieldsOf(value['fixed'])['scorers'])) : []
  const measured = new Set([...metrics.map(({ id }) => id), ...scorers])
  const chosen = Array.isArray(value['metrics']) ? value['metrics'].map(String) : []
  const kept = chosen.filter((id) => measured.has(id))
  return {
    names: [...removed.map((path) => path.at(-1) ?? ''), ...chosen.filter((id) => !measured.has(id)), ...(isRace ? ['strategy: race'] : [])],
    changes: [
      ...removed.map((path) => ({ path, value: undefined })),
      ...(kept.length === chosen.length ? [] : [{ path: ['metrics'], value: kept.length === 0 ? undefined : kept }]),
      ...(isRace ? [{ path: ['strategy'], value: undefined }, ...(value['race'] === undefined ? [] : [{ path: ['race'], value: undefined }])] : []),
    ],
  }
}

const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {})
