import { expect, it } from 'vitest'
import { changed, endOfChange, NO_HISTORY, redone, undone } from './history.js'

it('goes back and forth over whole changes', () => {
  const history = changed(changed(NO_HISTORY, 'a', null), 'ab', null)
  const back = undone(history, 'abc')
  expect(back).toMatchObject({ text: 'ab', history: { past: ['a'], future: ['abc'] } })
  expect(redone(back?.history ?? NO_HISTORY, 'ab')).toMatchObject({ text: 'abc', history: { past: ['a', 'ab'], future: [] } })
  expect([undone(NO_HISTORY, 'a'), redone(history, 'abc')]).toEqual([null, null])
})

it('takes what is typed without a pause for one step, and a new change ends what could be done again', () => {
  const typed = changed(changed(changed(NO_HISTORY, '', 0), 'a', 400), 'ab', 1_200)
  expect(typed.past).toEqual([''])
  expect(changed(typed, 'abc', 9_000).past).toEqual(['', 'abc'])
  const back = undone(typed, 'abc')?.history ?? typed
  expect(changed(back, '', 1_300)).toMatchObject({ past: [''], future: [] })
})

it('puts the caret behind what differs', () => {
  expect(endOfChange('rank: 8\nseed: 1\n', 'rank: 16\nseed: 1\n')).toBe('rank: 16'.length)
  expect(endOfChange('ab', 'ab')).toBe(0)
})
