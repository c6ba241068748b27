import { expect, it } from 'vitest'
import { parseSearch } from './search-query.js'

const terms = (query: string) => parseSearch(query).terms
const problems = (query: string) => parseSearch(query).problems.map(({ part, message }) => [part, message])

it('reads words, phrases and what is turned round', () => {
  expect(terms('spam "few shot" -old')).toEqual([
    { on: 'text', text: 'spam', isNegated: false },
    { on: 'text', text: 'few shot', isNegated: false },
    { on: 'text', text: 'old', isNegated: true },
  ])
  expect(parseSearch('  ')).toEqual({ terms: [], problems: [] })
})

it('reads conditions on the experiment', () => {
  expect(terms('kind:lora -status:failed tag:"of 2026" is:starred runs>=10 created>2026-01-31 name:rank')).toEqual([
    { on: 'field', field: 'kind', relation: '=', text: 'lora', isNegated: false },
    { on: 'field', field: 'status', relation: '=', text: 'failed', isNegated: true },
    { on: 'field', field: 'tag', relation: '=', text: 'of 2026', isNegated: false },
    { on: 'flag', flag: 'starred', isNegated: false },
    { on: 'count', relation: '>=', count: 10, isNegated: false },
    { on: 'created', relation: '>', day: '2026-01-31', isNegated: false },
    { on: 'field', field: 'name', relation: 'contains', text: 'rank', isNegated: false },
  ])
})

it('tells parameters and metrics apart, and takes either by its full name', () => {
  expect(terms('rank>=16 accuracy>0.8 model:nano schedule=cosine packing=false metric.politeness<1e-1 param.mine=2')).toEqual([
    { on: 'parameter', name: 'rank', relation: '>=', value: 16, isNegated: false },
    { on: 'metric', name: 'accuracy', relation: '>', value: 0.8, isNegated: false },
    { on: 'parameter', name: 'model', relation: 'contains', value: 'nano', isNegated: false },
    { on: 'parameter', name: 'schedule', relation: '=', value: 'cosine', isNegated: false },
    { on: 'parameter', name: 'packing', relation: '=', value: false, isNegated: false },
    { on: 'metric', name: 'politeness', relation: '<', value: 0.1, isNegated: false },
    { on: 'parameter', name: 'mine', relation: '=', value: 2, isNegated: false },
  ])
})

it('says what it cannot read, and leaves it out', () => {
  expect(problems('kind:lroa accuracy>high is:open runs>many rank> created>soon')).toEqual([
    ['kind:lroa', 'there is no kind "lroa"; did you mean lora?'],
    ['accuracy>high', 'accuracy> takes a number, not "high"'],
    ['is:open', 'is: takes starred, archived, deleted, active, not "open"'],
    ['runs>many', 'runs takes a whole number, not "many"'],
    ['rank>', 'rank> has no value after it'],
    ['created>soon', 'created takes a day such as 2026-01-31, not "soon"'],
  ])
  expect(terms('http://127.0.0.1')).toHaveLength(0)
})
