import { expect, test } from 'vitest'
import { parseWorkerArguments } from './arguments.js'

test('reads its arguments, the token also from the environment', () => {
  expect(parseWorkerArguments(['--server', 'http://box:4400/', '--threads', '2', '--name', 'gpu-1'], { BANCADA_TOKEN: 't' })).toEqual({ server: 'http://box:4400', token: 't', name: 'gpu-1', threads: 2, parallel: null })
  expect(parseWorkerArguments(['--help'], {})).toBe('help')
})

test.each([
  [[], '--server is missing'],
  [['--server', 'box:4400'], '--server is "box:4400"; give a URL such as http://127.0.0.1:4400'],
  [['--server', 'http://box', '--threads', '0'], '--threads is "0"; give a whole number from 1 up'],
  [['--server', 'http://box', '--parallel', 'two'], '--parallel is "two"; give a whole number from 1 up'],
  [['--server', 'http://box', '--name', 'two words'], '--name is "two words"'],
  [['--sever', 'http://box'], '--sever'],
])('%j is refused with what would be right', (argv, message) => {
  expect(() => parseWorkerArguments(argv, {})).toThrow(message)
})
