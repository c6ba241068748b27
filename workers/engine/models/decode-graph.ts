/**
 * One new token for each of B sequences whose keys and values are cached: the Llama of llama.ts in as few operators as
 * there are kernels for, since with a single token an operator costs more to start than to compute.
 */
import type { LlamaConfig } from '../engine.js'
import type { Graph } from '../graph.js'
import { binary, unary } from '../ops/elementwise.js'
import { cachedAttention, fusedNorm, rotary, type Angles } from '../ops/fused.js'
import { gather } from '../ops/indexing.js'
import type { Value } from '../tensor.js'
import type { KeysAndValues } from './llama.js'

export interface DecodeInputs {
  config: LlamaConfig
  /** The weight of this Hugging Face name. */
  weight: (name: string) => Value
  /** x·Wᵀ of the linear layer called `module`, with whatever adapts it. */
  linear: (x: Value, module: string) => Value
  /** i64 [B] */
  tokens: Value
  /** [B,1,1,P]: 0 at positions that are cached, very negative elsewhere. */
  mask: Value
  /** Of the new positions, [B,d/2]. */
  angles: Angles
  /** Rotated keys and values of earlier positions, [B,K,P,d] per layer. */
  past: readonly KeysAndValues[]
}

export interface DecodeOutputs {
  /** After the final norm: [B,D]. */
  hidden: Value
  /** Rotated keys and values of the new positions, [B,K·d] per layer. */
  present: KeysAndValues[]
}

export function decodeStep(graph: Graph, inputs: DecodeInputs): DecodeOutputs {
  const { config, weight, linear, tokens, mask, angles, past } = inputs
  const norm = (x: Value, name: string): Value => fusedNorm(graph, x, { weight: weight(name), epsilon: config.rmsNormEps })
  const projected = (x: Value, module: string): Value => {
    const product = linear(x, module)
    return config.qkvBias ? binary(graph, 'Add', product, weight(`${module}.bias`)) : product
  }

  const attention = (x: Value, prefix: string, { keys: pastKeys, values: pastValues }: KeysAndValues): { x: Value; present: KeysAndValues } => {
    const normed = norm(x, `${prefix}.input_layernorm.weight`)
    const [q, k, value] = [projected(normed, `${prefix}.self_attn.q_proj`), projected(normed, `${prefix}.self_attn.k_proj`), projected(normed, `${prefix}.self_attn.v_proj`)]
    const [query, key] = [rotary(graph, q, angles), rotary(graph, k, angles)]
    const mixed = cachedAttention(graph, { query, key, value, pastKeys, pastValues, mask })
    return { x: binary(graph, 'Add', x, linear(mixed, `${prefix}.self_attn.o_proj`)), present: { keys: key, values: value } }
  }
  const feedForward = (x: Value, prefix: string): Value => {
    const normed = norm(x, `${prefix}.post_attention_layernorm.weight`)
    const gate = unary(graph, 'Silu', linear(normed, `${prefix}.mlp.gate_proj`))
    const product = binary(graph, 'Mul', gate, linear(normed, `${prefix}.mlp.up_proj`))
    return binary(graph, 'Add', x, linear(product, `${prefix}.mlp.down_proj`))
  }

  const present: KeysAndValues[] = []
  let x = gather(graph, weight('model.embed_tokens.weight'), tokens)
  for (const [layer, cached] of past.entries()) {
    const attended = attention(x, `model.layers.${layer}`, cached)
    present.push(attended.present)
    x = feedForward(attended.x, `model.layers.${layer}`)
  }
  return { hidden: norm(x, 'model.norm.weight'), present }
}
