import { describe, expect, it } from 'vitest'
import { Graph } from './graph.js'
import { heldBytes, peakActivationBytes } from './memory.js'
import { runOrder } from './onnx-order.js'
import { binary, unary } from './ops/elementwise.js'
import type { Value } from './tensor.js'

const sum = (graph: Graph, x: Value): Value => graph.apply('ReduceSum', [x], { axes: x.shape.map((_, axis) => axis) })

describe('what is alive at once', () => {
  it('has reshapes for free, no inputs, and no dead ends', () => {
    const graph = new Graph()
    const x = graph.input('x', [10])
    const a = unary(graph, 'Exp', x) // 40 bytes, until b and c
    const b = unary(graph, 'Neg', a) // 80 bytes with a
    unary(graph, 'Exp', graph.apply('Expand', [b], { shape: [1000, 10] }))
    const c = binary(graph, 'Mul', graph.apply('Reshape', [a], { shape: [10, 1] }), graph.apply('Reshape', [b], { shape: [1, 10] })) // 400 more
    graph.output('y', sum(graph, c)) // a and b are gone by now
    expect(peakActivationBytes(graph)).toBe(480)
  })
})

describe('what ONNX Runtime holds', () => {
  it('keeps a finished buffer for a later tensor of the same shape, and frees it where none comes', () => {
    const graph = new Graph()
    const x = graph.input('x', [10])
    const narrow = (wide: Value): Value => graph.apply('Slice', [wide], { axis: 0, start: 0, end: 1 })
    const wide = (small: Value): Value => graph.apply('Expand', [small], { shape: [100] })
    const first = narrow(unary(graph, 'Exp', wide(narrow(x)))) // two of 400 bytes
    const large = narrow(graph.apply('Expand', [first], { shape: [500] })) // 2000 bytes beside them: both are wanted again
    graph.output('y', narrow(unary(graph, 'Exp', wide(large))))
    expect(heldBytes(graph)).toBe(400 + 400 + 2000 + 4)
    expect(peakActivationBytes(graph)).toBe(2004)
  })

  it('works in place for Softmax alone', () => {
    const [a, b] = [new Graph(), new Graph()]
    a.output('y', sum(a, a.apply('Softmax', [unary(a, 'Neg', a.input('x', [10, 10]))], {})))
    b.output('y', sum(b, unary(b, 'Exp', unary(b, 'Neg', b.input('x', [10, 10])))))
    expect([heldBytes(a), heldBytes(b)]).toEqual([404, 800])
  })
})

describe('the order ONNX Runtime runs a file in', () => {
  it('computes results in the order they were made, and stored weights when they are needed', () => {
    const graph = new Graph()
    const x = graph.input('x', [2, 2])
    const weight = (name: string): Value => graph.apply('Cast', [graph.external(name, { shape: [2, 2], dtype: 'bf16', location: { file: '/x', offset: 0, length: 8 } })], { to: 'f32' })
    let chain = x
    const [weights, made]: [Value[], Value[]] = [[], []]
    for (let layer = 0; layer < 3; layer++) {
      const w = weight(`w${layer}`)
      weights.push(w)
      chain = graph.apply('Gemm', [chain, w], { transA: false, transB: true })
      made.push(chain)
      graph.output(`sum ${layer}`, sum(graph, chain))
    }
    const order = runOrder(graph).map(({ output }) => output)
    const places = [...weights.flatMap((w, layer) => [w, made[layer]]), ...['sum 0', 'sum 1', 'sum 2'].map((name) => graph.outputs.get(name))].map((value) => (value ? order.indexOf(value) : -1))
    // w0, product 0, w1, product 1, w2, product 2; each sum right after its product.
    expect(places).toEqual([0, 1, 3, 4, 6, 7, 2, 5, 8])
  })
})
