import { expect, it } from 'vitest'
import { parseExperiment } from '../../../../experiments/spec.js'
import { experimentForm } from '../../../../experiments/form.js'
import { controlOf, firstValue, listText, readList, readValue, yamlOf } from './controls.js'
import { starters } from './starters.js'

const parameters = experimentForm().kinds.flatMap((kind) => kind.parameters)
const control = (name: string) => controlOf(parameters.find((parameter) => parameter.name === name)?.schema ?? {})

it('chooses a control by the schema', () => {
  expect(control('rank')).toEqual({ kind: 'number', isWhole: true, min: 1, max: 4096 })
  expect(control('temperature')).toEqual({ kind: 'number', isWhole: false, min: 0, max: 5 })
  expect(control('schedule')).toEqual({ kind: 'choice', options: ['linear', 'cosine', 'constant'] })
  expect(control('packing')).toEqual({ kind: 'choice', options: [true, false] })
  expect(control('template')).toEqual({ kind: 'text' })
  expect([control('targetModules'), control('stop'), control('extract')]).toEqual([{ kind: 'yaml' }, { kind: 'yaml' }, { kind: 'yaml' }])
})

it('reads what is typed as the file would, and texts as they stand', () => {
  expect(readValue('8', control('rank'))).toEqual({ value: 8 })
  expect(readValue('{ after: "Answer:" }', control('extract'))).toEqual({ value: { after: 'Answer:' } })
  expect(readValue('a: [', control('extract'))).toHaveProperty('fault')
  expect(readValue('8', control('template'))).toEqual({ value: '8' })
  expect(readValue('', control('rank'))).toEqual({ value: undefined })
  expect(readList('1, 4,16,')).toEqual({ value: [1, 4, 16] })
  expect(readList('0.1\n0.2')).toEqual({ value: [0.1, 0.2] })
})

it('writes values so that they are read back the same', () => {
  for (const value of [['q_proj', 'v_proj'], { after: 'x: y' }, 'none', 0.0003, true, 'line\nbreak']) expect(readValue(yamlOf(value), { kind: 'yaml' })).toEqual({ value })
  expect(listText([1, 4])).toBe('1, 4')
})

it('starts each parameter with a value of its type', () => {
  const broken = parameters.filter((parameter) => firstValue(parameter) === undefined)
  expect(broken.map(({ name }) => name)).toEqual([])
})

it('offers files to start from that are accepted as they are', () => {
  for (const { text } of starters()) expect(parseExperiment(text, { format: 'yaml', datasets: ['spam', 'sotu'] }).name).not.toBe('')
})
