import { expect, it } from 'vitest'
import { KINDS, PARAMETERS_BY_KIND } from '../server/contracts/index.js'
import { experimentForm } from './form.js'

const form = experimentForm()

it('names every parameter of every kind, with what its schema says', () => {
  expect(form.kinds.map(({ kind, parameters }) => [kind, parameters.map(({ name }) => name)])).toEqual(KINDS.map((kind) => [kind, Object.keys(PARAMETERS_BY_KIND[kind].shape)]))
  const lora = form.kinds.find(({ kind }) => kind === 'lora')
  expect(lora?.parameters.find(({ name }) => name === 'rank')).toEqual({ name: 'rank', description: 'rank r of the update B·A', default: 8, schema: { type: 'integer', minimum: 1, maximum: 4096 } })
  expect(lora?.parameters.find(({ name }) => name === 'alpha')).toEqual({ name: 'alpha', description: 'left out: twice the rank', schema: { type: 'number', exclusiveMinimum: 0 } })
  expect(lora?.parameters.find(({ name }) => name === 'schedule')).toMatchObject({ default: 'cosine', schema: { enum: ['linear', 'cosine', 'constant'] } })
  expect(lora?.metrics.map(({ id }) => id)).toContain('loss')
})

it('describes the whole file, one alternative for each kind', () => {
  expect((form.file['oneOf'] ?? form.file['anyOf']) as unknown[]).toHaveLength(KINDS.length)
})
