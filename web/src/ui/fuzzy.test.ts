import { expect, it } from 'vitest'
import { fuzzyFind, fuzzyScore } from './fuzzy.js'

it('finds letters in their order, without accents or case', () => {
  const pages = ['Experiments', 'New experiment', 'Queue and workers', 'Fila e execuções']
  const find = (typed: string): string[] => fuzzyFind(typed, pages, (page) => page)
  expect(find('nexp')[0]).toBe('New experiment')
  expect(find('qw')).toEqual(['Queue and workers'])
  expect(find('EXECUCOES')).toEqual(['Fila e execuções'])
  expect(find('exp')[0]).toBe('Experiments')
  expect(find('')).toEqual(pages)
  expect(fuzzyScore('zz', 'Queue')).toBeNull()
})
