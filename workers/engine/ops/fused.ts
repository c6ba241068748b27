/**
 * Operators that stand for several others, written with as few nodes as there are kernels for: with a single token, a
 * node costs more to start than to compute. None counts on the number of rows or of cached positions, so that one
 * session serves all. They are for inference and have no gradient.
 */
import { graphError, sameShape, type GraphBuilder, type Value } from '../tensor.js'
import type { None } from './attributes.js'
import { at, type Operator } from './operator.js'

const none: None = {}
/** Beyond the last element, as ONNX's Slice wants it. */
const END = 2 ** 31 - 1

/** x [N,D], weight [D] → x · weight / √(mean(x²) + epsilon) (Zhang and Sennrich 2019, arXiv:1910.07467). */
export const RmsNorm: Operator<{ epsilon: number }> = {
  infer: (inputs) => {
    const [x, weight] = [at(inputs, 0), at(inputs, 1)]
    if (x.shape.length !== 2 || !sameShape(weight.shape, [at(x.shape, 1)])) throw graphError(`norm of [${x.shape.join(', ')}] by weights [${weight.shape.join(', ')}]`)
    return { shape: x.shape, dtype: 'f32' }
  },
  backward: null,
  emit: ({ emitter, names, outputName, attributes: { epsilon } }) =>
    emitter.node('SimplifiedLayerNormalization', names, { output: outputName, attributes: { axis: -1, stash_type: 1 }, floats: { epsilon } }),
}

/**
 * Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in the half-split layout: x [N,heads·d], cosines and
 * sines [N,d/2] of each row's angles → each head of a row turned by its row's angles.
 */
export const Rotary: Operator<None> = {
  infer: (inputs) => {
    const [x, cos, sin] = [at(inputs, 0), at(inputs, 1), at(inputs, 2)]
    if (!sameShape(cos.shape, sin.shape) || cos.shape[0] !== x.shape[0] || at(x.shape, 1) % (2 * at(cos.shape, 1)) !== 0) {
      throw graphError(`rotation of [${x.shape.join(', ')}] by angles [${cos.shape.join(', ')}] and [${sin.shape.join(', ')}]`)
    }
    return { shape: x.shape, dtype: 'f32' }
  },
  backward: null,
  emit: ({ emitter, names, output, outputName }) => {
    // The rows as successive positions of one sequence that starts at 0: row n then takes row n of the angles.
    const x = emitter.node('Reshape', [at(names, 0), emitter.int64([1, -1, at(output.shape, 1)])])
    const turned = emitter.node('RotaryEmbedding', [x, emitter.int64([0]), at(names, 1), at(names, 2)], { domain: 'com.microsoft' })
    emitter.node('Reshape', [turned, emitter.int64([-1, at(output.shape, 1)])], { output: outputName })
  },
}

/**
 * Attention of one new position in each of B sequences: query [B,H·d], key and value [B,K·d] of the new position, all
 * rotated; pastKeys and pastValues [B,K,P,d]; mask [B,1,1,P], 0 at cached positions and very negative elsewhere → [B,H·d].
 * What is cached is read where it lies: the new position's score and value are brought to it, not it to them.
 */
export const CachedAttention: Operator<None> = {
  infer: (inputs) => {
    const [query, key, value, pastKeys, pastValues, mask] = [0, 1, 2, 3, 4, 5].map((index) => at(inputs, index)) as [Value, Value, Value, Value, Value, Value]
    const [B, K, P, d] = pastKeys.shape as [number, number, number, number]
    const fits = sameShape(key.shape, [B, K * d]) && sameShape(value.shape, key.shape) && sameShape(pastValues.shape, pastKeys.shape) && sameShape(mask.shape, [B, 1, 1, P])
    if (!fits || query.shape[0] !== B || at(query.shape, 1) % (K * d) !== 0) throw graphError(`attention of [${query.shape.join(', ')}] to [${key.shape.join(', ')}] and [${pastKeys.shape.join(', ')}] under [${mask.shape.join(', ')}]`)
    return { shape: query.shape, dtype: 'f32' }
  },
  backward: null,
  emit: ({ emitter, names, inputs, output, outputName }) => {
    const [, K, , d] = at(inputs, 3).shape as [number, number, number, number]
    const width = at(output.shape, 1)
    const heads = (index: number, perHead: number): string => emitter.node('Reshape', [at(names, index), emitter.int64([-1, K, perHead, d])])
    const flipped = (x: string): string => emitter.node('Transpose', [x], { attributes: { perm: [0, 1, 3, 2] } })
    const last = (x: string, range: readonly [number, number]): string => emitter.node('Slice', [x, ...range.map((end) => emitter.int64([end])), emitter.int64([3])])
    const query = flipped(emitter.node('Mul', [heads(0, width / (K * d)), emitter.float(1 / Math.sqrt(d))]))
    const past = emitter.node('Add', [flipped(emitter.node('MatMul', [at(names, 3), query])), at(names, 5)])
    const fresh = flipped(emitter.node('MatMul', [heads(1, 1), query]))
    const weights = emitter.node('Softmax', [emitter.node('Concat', [past, fresh], { attributes: { axis: 3 } })], { attributes: { axis: -1 } })
    const mixed = emitter.node('MatMul', [last(weights, [0, -1]), at(names, 4)])
    const all = emitter.node('Add', [mixed, emitter.node('Mul', [last(weights, [-1, END]), heads(2, 1)])])
    emitter.node('Reshape', [all, emitter.int64([-1, width])], { output: outputName })
  },
}

export function fusedNorm(graph: GraphBuilder, x: Value, { weight, epsilon }: { weight: Value; epsilon: number }): Value {
  return graph.apply('RmsNorm', [x, weight], { epsilon })
}

/** Of each row [N,d/2]. */
export interface Angles {
  cos: Value
  sin: Value
}

export function rotary(graph: GraphBuilder, x: Value, { cos, sin }: Angles): Value {
  return graph.apply('Rotary', [x, cos, sin], none)
}

export interface CachedAttentionInputs {
  query: Value
  key: Value
  value: Value
  pastKeys: Value
  pastValues: Value
  mask: Value
}

export function cachedAttention(graph: GraphBuilder, { query, key, value, pastKeys, pastValues, mask }: CachedAttentionInputs): Value {
  return graph.apply('CachedAttention', [query, key, value, pastKeys, pastValues, mask], none)
}
