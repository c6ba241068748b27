import { expect, it } from 'vitest'
import { Graph } from './graph.js'
import { peakActivationBytes } from './memory.js'
import { binary, unary } from './ops/elementwise.js'

it('counts what is alive at once: reshapes are free, inputs are not counted, dead ends are not computed', () => {
  const graph = new Graph()
  const x = graph.input('x', [10])
  const a = unary(graph, 'Exp', x) // 40 bytes, until b and c
  const b = unary(graph, 'Neg', a) // 80 bytes with a
  unary(graph, 'Exp', graph.apply('Expand', [b], { shape: [1000, 10] }))
  const c = binary(graph, 'Mul', graph.apply('Reshape', [a], { shape: [10, 1] }), graph.apply('Reshape', [b], { shape: [1, 10] })) // 400 more
  graph.output('y', graph.apply('ReduceSum', [c], { axes: [0, 1] })) // a and b are gone by now
  expect(peakActivationBytes(graph)).toBe(480)
})
