import { describe, expect, it } from 'vitest'
import type { Run } from '../server/contracts/index.js'
import { parseRescore, rescoredRun, rescoredSpec } from './rescore.js'

const run = { id: 'r', name: 'shots=2', params: { shots: 2, scorers: { old: { type: 'no_refusal' } } }, varied: { shots: 2 }, seed: 7 } as unknown as Run

describe('what is asked for', () => {
  it('is read as in an experiment file, with the defaults of the scorers', () => {
    expect(parseRescore('metrics: [brief]\nscorers:\n  brief: { type: length, max: 5 }\n', 'yaml')).toEqual({ metrics: ['brief'], scorers: { brief: { type: 'length', unit: 'words', min: 0, max: 5 } } })
  })

  it.each([
    ['scorers:\n  brief: { type: lenght }\n', /line 2, scorers\.brief.*is refused/],
    ['scorers:\n  accuracy: { type: no_refusal }\n', /accuracy is a metric of Bancada; give the scorer another name/],
    ['scorer: {}\n', /unknown key scorer; did you mean scorers\?/],
    ['name: only a name\n', /nothing is to be scored in another way/],
  ])('%j is refused', (text, message) => {
    expect(() => parseRescore(text, 'yaml')).toThrow(message)
  })
})

describe('the runs that it makes', () => {
  const scorers = parseRescore('scorers: { brief: { type: length, max: 5 } }', 'yaml').scorers ?? {}

  it('are scored by the new scorers in place of the old ones, and by the metrics there were', () => {
    expect(rescoredRun(run, ['old', 'accuracy'], { scorers })).toEqual({ params: { shots: 2, scorers }, metrics: ['accuracy', 'brief'] })
    expect(rescoredRun(run, ['old', 'accuracy'], { extract: 'last_number' })).toEqual({ params: { ...run.params, extract: 'last_number' }, metrics: ['old', 'accuracy'] })
    expect(rescoredRun(run, ['old'], { scorers, metrics: ['brief', 'token_f1'] }).metrics).toEqual(['brief', 'token_f1'])
  })

  it('have no metric that this scoring does not give, and leave axes alone', () => {
    expect(() => rescoredRun(run, ['accuracy'], { scorers, metrics: ['old'] })).toThrow('there is no metric old')
    expect(() => rescoredRun({ ...run, varied: { extract: 'none' } }, ['accuracy'], { extract: 'last_number' })).toThrow('extract is an axis of that experiment')
  })

  it('of another tool have metrics of texts, and none of that tool', () => {
    const theirs = { ...run, params: { importedFrom: 'promptfoo', model: 'm' }, varied: {} }
    expect(rescoredRun(theirs, [], { scorers })).toEqual({ params: { ...theirs.params, scorers }, metrics: ['brief'] })
    expect(() => rescoredRun(theirs, [], { metrics: ['accuracy'] })).toThrow('there is no metric accuracy')
    expect(() => rescoredRun(theirs, [], { extract: 'last_number' })).toThrow('the metrics of promptfoo cannot be made here; name scorers, or metrics of Bancada')
  })

  it('say in their file what they come from', () => {
    const experiment = { id: 'e', name: 'Few shots', spec: { kind: 'prompt', axes: { shots: [0, 2] }, fixed: { template: 't' }, strategy: 'race', race: {} }, tags: ['x'], notes: 'Mine.' }
    expect(rescoredSpec(experiment, { scorers }, { metrics: ['brief'], run: null })).toEqual({
      kind: 'prompt', axes: { shots: [0, 2] }, fixed: { template: 't', scorers }, name: 'Few shots (rescored)', metrics: ['brief'], tags: ['x'],
      notes: 'Scores the answers of experiment e anew; no model was asked for them again.\n\nMine.',
    })
    expect(rescoredSpec(experiment, { scorers }, { metrics: ['brief'], run })).toMatchObject({ name: 'Few shots: shots=2 (rescored)', axes: { shots: [2] }, repeats: 1, seed: 7 })
  })
})
