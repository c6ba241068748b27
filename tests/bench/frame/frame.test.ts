import { expect, it } from 'vitest'
import { ArgumentError, parseBenchArguments } from './arguments.js'
import { finish } from './bench.js'
import { describeMachine } from './machine.js'
import { interleave } from './rounds.js'
import { ratios, spreadOf } from './samples.js'
import { markdownTable, spreadText, table } from './table.js'

it('takes turns, back and forth, and leaves the warm-up out', async () => {
  const order: string[] = []
  let time = 0
  const contestant = (name: string) => (): number => {
    order.push(name)
    return ++time
  }
  const samples = await interleave({ ours: contestant('ours'), peer: contestant('peer') }, 3)
  expect(order.join(' ')).toBe('peer ours ours peer peer ours ours peer')
  expect(samples).toEqual({ ours: [3, 6, 7], peer: [4, 5, 8] })
})

it('summarises odd and even numbers of samples', () => {
  expect(spreadOf([5, 1, 9])).toEqual({ n: 3, minimum: 1, median: 5, maximum: 9 })
  expect(spreadOf([4, 1, 2, 9])).toEqual({ n: 4, minimum: 1, median: 3, maximum: 9 })
  expect(() => spreadOf([])).toThrow(RangeError)
  expect(ratios([6, 9], [3, 2])).toEqual([2, 4.5])
  expect(() => ratios([1], [1, 2])).toThrow(RangeError)
})

it('prints a table and one line of JSON', () => {
  expect(table(['what', 'ms'], [['a long name', spreadText({ n: 3, minimum: 1, median: 1234.5, maximum: 2 })]])).toBe(['what                       ms', '───────────  ────────────────', 'a long name  1235 (1.00–2.00)'].join('\n'))
  expect(markdownTable(['what', 'ms'], [['a', '1']])).toBe('| what | ms |\n| --- | --- |\n| a | 1 |')
  const line = finish('x', describeMachine(), { figures: { ratio: 1.234567, count: 100_000 } })
  expect(JSON.parse(line)).toMatchObject({ bench: 'x', machine: { node: process.versions.node }, figures: { ratio: 1.235, count: 100_000 } })
})

it('takes a name with its options, lists the benches for --help, and refuses any other word', () => {
  expect(parseBenchArguments(['engine', '--quick', '--only', 'steps'])).toEqual({ name: 'engine', isQuick: true, only: 'steps' })
  for (const argv of [[], ['--help'], ['engine', '-h']]) expect(parseBenchArguments(argv)).toEqual({ name: null, isQuick: false, only: null })
  expect(() => parseBenchArguments(['engine', '--fast'])).toThrow(ArgumentError)
  expect(() => parseBenchArguments(['engine', '--only'])).toThrow(ArgumentError)
  expect(() => parseBenchArguments(['engine', 'dashboard'])).toThrow('after engine came "dashboard"')
})
