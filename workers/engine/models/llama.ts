/**
 * The Llama family as a graph: embedding, pre-norm blocks of grouped-query attention and SwiGLU, final norm.
 * Weight names and layouts are Hugging Face's (modeling_llama.py); every linear layer is [out,in].
 */
import type { Graph } from '../graph.js'
import type { LlamaConfig } from '../engine.js'
import { binary, unary } from '../ops/elementwise.js'
import { gather } from '../ops/indexing.js'
import { concat, reshape, transpose } from '../ops/layout.js'
import { at } from '../ops/operator.js'
import { gemm } from '../ops/products.js'
import { sumLast } from '../ops/reductions.js'
import type { Segment } from '../recompute.js'
import type { Shape, Value } from '../tensor.js'
import { attend, maskBlocks, type MaskBlock } from './attention.js'
import { applyRope, ropeTables, type RopeTables } from './rope.js'

export interface LlamaInputs {
  config: LlamaConfig
  /** The weight of this Hugging Face name. */
  weight: (name: string) => Value
  /** i64 [B,T] */
  tokens: Value
  /** i64 [B,T], below `positionLimit` */
  positions: Value
  positionLimit: number
  /** Added to the scores before the softmax: 0 where attended, very negative where not, as it must be beyond key P + t for row t; broadcasts to [B,K,G,T,P+T]. */
  mask: Value
  /** Replaces x·Wᵀ of the linear layer called `module` (no ".weight"); adapters hook in here. */
  linear?: (x: Value, module: string) => Value
  /** Rotated keys and values of P earlier positions, [B,K,P,d] per layer. */
  past?: readonly KeysAndValues[]
}

export interface KeysAndValues {
  keys: Value
  values: Value
}

export interface LlamaOutputs {
  /** After the final norm: [N,D]. */
  hidden: Value
  /** Rotated keys and values of the T new positions, [B,K,T,d] per layer. */
  present: KeysAndValues[]
  /** The nodes of each layer, for recomputation. */
  layers: Segment[]
}

/** Names and shapes of all weights, in the order of the model. */
export function llamaWeightShapes(config: LlamaConfig): Map<string, Shape> {
  const { hiddenSize: D, intermediateSize: F, heads, kvHeads, headDim, vocabSize: V } = config
  const [Q, KV] = [heads * headDim, kvHeads * headDim]
  const shapes = new Map<string, Shape>([['model.embed_tokens.weight', [V, D]]])
  for (let layer = 0; layer < config.layers; layer++) {
    const set = (name: string, shape: Shape): unknown => shapes.set(`model.layers.${layer}.${name}`, shape)
    set('input_layernorm.weight', [D])
    set('self_attn.q_proj.weight', [Q, D])
    set('self_attn.k_proj.weight', [KV, D])
    set('self_attn.v_proj.weight', [KV, D])
    if (config.qkvBias) {
      set('self_attn.q_proj.bias', [Q])
      set('self_attn.k_proj.bias', [KV])
      set('self_attn.v_proj.bias', [KV])
    }
    set('self_attn.o_proj.weight', [D, Q])
    set('post_attention_layernorm.weight', [D])
    set('mlp.gate_proj.weight', [F, D])
    set('mlp.up_proj.weight', [F, D])
    set('mlp.down_proj.weight', [D, F])
  }
  shapes.set('model.norm.weight', [D])
  if (!config.tieEmbeddings) shapes.set('lm_head.weight', [V, D])
  return shapes
}

/** Name of the matrix that turns hidden states into logits. */
export function headWeightName(config: LlamaConfig): string {
  return config.tieEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'
}

export function llamaForward(graph: Graph, inputs: LlamaInputs): LlamaOutputs {
  const { config, weight, tokens, positions, positionLimit } = inputs
  const [B, T] = [at(tokens.shape, 0), at(tokens.shape, 1)]
  const rope = ropeTables(graph, config, { positions, limit: positionLimit })
  const block = new LlamaBlock(graph, inputs, { rope, mask: maskBlocks(graph, inputs.mask), B, T })
  const present: KeysAndValues[] = []
  const layers: Segment[] = []
  let x = gather(graph, weight('model.embed_tokens.weight'), reshape(graph, tokens, [B * T]))
  for (let layer = 0; layer < config.layers; layer++) {
    const begin = graph.nodes.length
    const attended = block.attention(x, layer)
    present.push(attended.present)
    x = block.feedForward(attended.x, layer)
    layers.push({ begin, end: graph.nodes.length })
  }
  return { hidden: block.norm(x, 'model.norm.weight'), present, layers }
}

interface BlockShape {
  rope: RopeTables
  mask: readonly MaskBlock[]
  B: number
  T: number
}

class LlamaBlock {
  readonly #graph: Graph
  readonly #inputs: LlamaInputs
  readonly #shape: BlockShape

  constructor(graph: Graph, inputs: LlamaInputs, shape: BlockShape) {
    this.#graph = graph
    this.#inputs = inputs
    this.#shape = shape
  }

  /** x · weight / √(mean(x²) + eps) over the last axis (Zhang and Sennrich 2019, arXiv:1910.07467). */
  norm(x: Value, weightName: string): Value {
    const graph = this.#graph
    const { config, weight } = this.#inputs
    const mean = binary(graph, 'Mul', sumLast(graph, binary(graph, 'Mul', x, x)), graph.scalar(1 / config.hiddenSize))
    const scale = unary(graph, 'Sqrt', binary(graph, 'Add', mean, graph.scalar(config.rmsNormEps)))
    return binary(graph, 'Mul', binary(graph, 'Div', x, scale), weight(weightName))
  }

  attention(x: Value, layer: number): { x: Value; present: KeysAndValues } {
    const graph = this.#graph
    const { config: { heads, kvHeads, headDim: d }, past } = this.#inputs
    const { rope, mask, B, T } = this.#shape
    const prefix = `model.layers.${layer}.self_attn`
    const normed = this.norm(x, `model.layers.${layer}.input_layernorm.weight`)
    const [q, k, values] = [this.#heads(normed, `${prefix}.q_proj`, heads), this.#heads(normed, `${prefix}.k_proj`, kvHeads), this.#heads(normed, `${prefix}.v_proj`, kvHeads)]
    const keys = applyRope(graph, k, rope)
    const scaled = binary(graph, 'Mul', applyRope(graph, q, rope), graph.scalar(1 / Math.sqrt(d)))
    const before = past?.[layer]
    const allKeys = before === undefined ? keys : concat(graph, [before.keys, keys], 2)
    const allValues = before === undefined ? values : concat(graph, [before.values, values], 2)
    const mixed = attend(graph, { query: scaled, keys: allKeys, values: allValues }, mask)
    const joined = transpose(graph, mixed, [0, 2, 1, 3])
    const projected = this.#linear(reshape(graph, joined, [B * T, heads * d]), `${prefix}.o_proj`)
    return { x: binary(graph, 'Add', x, projected), present: { keys, values } }
  }

  /** down(silu(gate(x)) ⊙ up(x)) (Shazeer 2020, arXiv:2002.05202). */
  feedForward(x: Value, layer: number): Value {
    const graph = this.#graph
    const prefix = `model.layers.${layer}.mlp`
    const normed = this.norm(x, `model.layers.${layer}.post_attention_layernorm.weight`)
    const gate = unary(graph, 'Silu', this.#linear(normed, `${prefix}.gate_proj`))
    const product = binary(graph, 'Mul', gate, this.#linear(normed, `${prefix}.up_proj`))
    return binary(graph, 'Add', x, this.#linear(product, `${prefix}.down_proj`))
  }

  /** [N,D] → [B,heads,T,d] */
  #heads(x: Value, module: string, heads: number): Value {
    const graph = this.#graph
    const { config, weight } = this.#inputs
    const { B, T } = this.#shape
    const projected = this.#linear(x, module)
    const biased = config.qkvBias ? binary(graph, 'Add', projected, weight(`${module}.bias`)) : projected
    return transpose(graph, reshape(graph, biased, [B, T, heads, config.headDim]), [0, 2, 1, 3])
  }

  #linear(x: Value, module: string): Value {
    const { linear, weight } = this.#inputs
    return linear ? linear(x, module) : gemm(this.#graph, x, weight(`${module}.weight`), { transB: true })
  }
}

const BLOCKED = -1e9

/** [1,1,1,T,T]: each position sees itself and the ones before. */
export function causalMask(graph: Graph, T: number): Value {
  const data = new Float32Array(T * T)
  for (let row = 0; row < T; row++) data.fill(BLOCKED, row * T + row + 1, (row + 1) * T)
  return graph.constant(data, [1, 1, 1, T, T])
}

/** Causal and inside one document: segments f32 [B,T] are document numbers, whole and below 2²⁴. → [B,1,1,T,T] */
export function packedMask(graph: Graph, segments: Value): Value {
  const [B, T] = [at(segments.shape, 0), at(segments.shape, 1)]
  const difference = binary(graph, 'Sub', reshape(graph, segments, [B, 1, 1, T, 1]), reshape(graph, segments, [B, 1, 1, 1, T]))
  const blocked = binary(graph, 'Mul', binary(graph, 'Mul', difference, difference), graph.scalar(BLOCKED))
  return binary(graph, 'Add', blocked, causalMask(graph, T))
}

export interface TokenLoss {
  /** −log p of each label, in nats: [R,1]. */
  nll: Value
  /** What training minimises, [R,1]: nll, or with label smoothing (1−ε)·nll + ε·(mean over the vocabulary of −log p). */
  objective: Value
  /** How far the label's logit lies below the largest, [R,1]: 0 where the label is the first choice, but for rounding. */
  shortfall: Value
  /** [R,V] */
  logits: Value
}

export interface LossInput {
  /** [R,D] */
  hidden: Value
  /** [V,D] */
  head: Value
  /** x·headᵀ, where it is computed otherwise than by one product. */
  headProduct?: ((x: Value) => Value) | undefined
  /** i64 [R] */
  labels: Value
  labelSmoothing?: number | undefined
}

/**
 * Negative log-likelihood of labels i64 [R] given hidden [R,D] and head [V,D]:
 * logsumexp(h·Eᵀ) − ⟨h, E[y]⟩, which needs no one-hot and no scatter into the logits. Label smoothing
 * (Szegedy et al. 2016, arXiv:1512.00567, §7) is that of torch's CrossEntropyLoss.
 */
export function tokenLoss(graph: Graph, input: LossInput): TokenLoss {
  const block = headBlock(graph, input)
  return { ...lossOver(graph, { ...input, chosen: chosenLogit(graph, input), blocks: [block] }), logits: block.logits }
}

/** What the loss needs of some rows of the head. */
export interface HeadBlock {
  /** [R,V] */
  logits: Value
  /** Largest logit, and logarithm of the sum of exponentials: [R,1] */
  largest: Value
  normalizer: Value
}

export function headBlock(graph: Graph, { hidden, head, headProduct }: Pick<LossInput, 'hidden' | 'head' | 'headProduct'>): HeadBlock {
  const logits = headProduct?.(hidden) ?? gemm(graph, hidden, head, { transB: true })
  const largest = unary(graph, 'Detach', graph.apply('ReduceMax', [logits], { axes: [1] }))
  const exponentials = unary(graph, 'Exp', binary(graph, 'Sub', logits, largest))
  return { logits, largest, normalizer: binary(graph, 'Add', unary(graph, 'Log', sumLast(graph, exponentials)), largest) }
}

/** Logit of each label without the others: [R,1]. */
export function chosenLogit(graph: Graph, { hidden, head, labels }: LossInput): Value {
  return sumLast(graph, binary(graph, 'Mul', hidden, gather(graph, head, labels)))
}

/** The loss of rows that went through the head in blocks, in their order. */
export function lossOver(graph: Graph, { chosen, blocks, labelSmoothing = 0 }: { chosen: Value; blocks: readonly HeadBlock[]; labelSmoothing?: number | undefined }): Omit<TokenLoss, 'logits'> {
  const joined = (pick: (block: HeadBlock) => Value): Value => (blocks.length === 1 ? pick(at(blocks, 0)) : concat(graph, blocks.map(pick), 0))
  const normalizer = joined((block) => block.normalizer)
  const nll = binary(graph, 'Sub', normalizer, chosen)
  const shortfall = binary(graph, 'Sub', joined(({ largest }) => largest), chosen)
  if (labelSmoothing === 0) return { nll, objective: nll, shortfall }
  const meanLogit = joined(({ logits }) => binary(graph, 'Mul', sumLast(graph, logits), graph.scalar(1 / at(logits.shape, 1))))
  const target = binary(graph, 'Add', binary(graph, 'Mul', chosen, graph.scalar(1 - labelSmoothing)), binary(graph, 'Mul', meanLogit, graph.scalar(labelSmoothing)))
  return { nll, objective: binary(graph, 'Sub', normalizer, target), shortfall }
}
