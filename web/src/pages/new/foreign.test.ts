import { expect, it } from 'vitest'
import { foreignOf } from './foreign.js'

const lora = { kind: 'lora' as const, parameters: [{ name: 'model' }, { name: 'rank' }, { name: 'template' }], metrics: [{ id: 'accuracy', label: 'Accuracy', description: '' }] }
const rag = { kind: 'rag' as const, parameters: [{ name: 'k' }], metrics: [] }

it('names what another kind left behind, and what takes it out', () => {
  const file = { kind: 'lora', model: 'nano', axes: { shots: [0, 2], rank: [4, 8] }, fixed: { temperature: 0, template: 'x' }, metrics: ['exact_match', 'accuracy'], strategy: 'race', race: { error: 0.1 } }
  const { names, changes } = foreignOf(file, lora)
  expect(names).toEqual(['shots', 'temperature', 'exact_match', 'strategy: race'])
  expect(changes).toEqual([
    { path: ['axes', 'shots'], value: undefined }, { path: ['fixed', 'temperature'], value: undefined }, { path: ['metrics'], value: ['accuracy'] },
    { path: ['strategy'], value: undefined }, { path: ['race'], value: undefined },
  ])
  expect(foreignOf({ model: 'nano', metrics: ['accuracy'], strategy: 'race' }, rag)).toMatchObject({ names: ['model', 'accuracy'], changes: [{ path: ['model'] }, { path: ['metrics'], value: undefined }] })
})

it('keeps the metrics of the file’s own scorers where the kind has scorers', () => {
  const file = { fixed: { scorers: { brief: { type: 'length' } } }, metrics: ['brief'] }
  expect(foreignOf(file, { ...lora, parameters: [{ name: 'scorers' }] })).toEqual({ names: [], changes: [] })
  expect(foreignOf(file, lora).names).toEqual(['scorers', 'brief'])
  expect(foreignOf({ axes: 'broken', fixed: null }, lora).names).toEqual([])
})
