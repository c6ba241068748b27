import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseRescore } from '../../../../experiments/rescore.js'
import { PRESETS, requestText, scorerNames, scorersText, withPreset } from './rescore-request.js'

describe('the file of a rescoring', () => {
  test.each(PRESETS)('preset $name is one that the server reads', (preset) => {
    expect(Object.keys(parseRescore(requestText(withPreset('', preset), ['exact_match'], undefined), 'yaml').scorers ?? {})).toEqual([preset.name])
  })

  test('has the scorers there were, new ones under free names, and all of them among the metrics', () => {
    const before = { brief: { type: 'length', max: 5 } }
    const first = PRESETS.find(({ name }) => name === 'brief') ?? { name: '', text: '' }
    const text = withPreset(scorersText(before), first)
    expect(scorerNames(text)).toEqual(['brief', 'brief_2'])
    expect(parse(requestText(text, ['token_f1'], before))).toMatchObject({ scorers: { brief: before.brief, brief_2: { type: 'length' } }, metrics: ['token_f1', 'brief', 'brief_2'] })
  })

  test('takes scorers away where the text was emptied, and names none where there were none', () => {
    expect(parse(requestText('', ['token_f1'], { brief: {} }))).toEqual({ scorers: {}, metrics: ['token_f1'] })
    expect(parse(requestText(' ', ['token_f1'], undefined))).toEqual({ metrics: ['token_f1'] })
    expect(requestText('', [], undefined)).toBe('')
  })

  test('that cannot be read goes to the server as it is', () => {
    expect(requestText('scorers:\n  a: {', [], undefined)).toBe('scorers:\n  a: {\n')
  })
})
