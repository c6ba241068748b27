/** Low-rank adapters (Hu et al. 2021, arXiv:2106.09685) with PEFT's semantics: y = Wx + s·B(A(dropout(x))). */
import { factoredRowNorms } from './dora.js'
import { EngineError } from './engine-error.js'
import type { LlamaConfig, LoraOptions } from './engine.js'
import { loraScaling, pythonRegExp } from './formats/peft-config.js'
import type { Graph } from './graph.js'
import { llamaWeightShapes } from './models/llama.js'
import { binary, unary } from './ops/elementwise.js'
import { concat, slice } from './ops/layout.js'
import { at } from './ops/operator.js'
import { gemm } from './ops/products.js'
import { drawn, Random, streams } from './random.js'
import type { Shape, Value } from './tensor.js'

export interface LoraTarget {
  /** Path of the linear layer: model.layers.0.self_attn.q_proj */
  module: string
  inSize: number
  outSize: number
}

/** Linear layers an adapter is put on, in the order of the model; the head never is. Refuses a name that matches nothing and a rank no layer can hold. */
export function loraTargets(config: LlamaConfig, { rank, targetModules }: LoraOptions): LoraTarget[] {
  if (!Number.isInteger(rank) || rank < 1) throw new EngineError('input_invalid', `lora.rank is ${rank}; it must be a whole number of 1 or more`, { rank })
  const linear = [...llamaWeightShapes(config)]
    .filter(([name, shape]) => shape.length === 2 && name.startsWith('model.layers.'))
    .map(([name, shape]): LoraTarget => ({ module: name.slice(0, -'.weight'.length), outSize: at(shape, 0), inSize: at(shape, 1) }))
  const targets = typeof targetModules === 'string' ? matchPattern(linear, targetModules) : matchNames(linear, targetModules)
  for (const { module, inSize, outSize } of targets) {
    const largest = Math.min(inSize, outSize)
    if (rank > largest) throw new EngineError('input_invalid', `lora.rank is ${rank}, but ${module} is ${outSize}×${inSize}, so no rank above ${largest} adds anything; lower the rank or leave that layer out`, { rank, module })
  }
  return targets
}

export const EVERY_LAYER = 'all-linear'
const KNOWN_NAMES = 'q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj and all-linear'

/** A list: layers whose path is one of the names, or ends with one after a dot. */
function matchNames(linear: readonly LoraTarget[], names: readonly string[]): LoraTarget[] {
  if (names.length === 0) throw new EngineError('input_invalid', 'lora.targetModules is empty; name at least one layer, as in ["q_proj", "v_proj"]')
  const isNamed = ({ module }: LoraTarget, name: string): boolean => name === EVERY_LAYER || module === name || module.endsWith(`.${name}`)
  for (const name of names) {
    if (!linear.some((target) => isNamed(target, name))) throw new EngineError('input_invalid', `lora.targetModules names "${name}", which no layer has; known are ${KNOWN_NAMES}`, { name })
  }
  return linear.filter((target) => names.some((name) => isNamed(target, name)))
}

/** One string: a regular expression for the whole path, as in PEFT. */
function matchPattern(linear: readonly LoraTarget[], pattern: string): LoraTarget[] {
  if (pattern === EVERY_LAYER) return [...linear]
  let expression: RegExp
  try {
    expression = pythonRegExp(pattern)
  } catch (cause) {
    throw new EngineError('input_invalid', `lora.targetModules is ${JSON.stringify(pattern)}, which cannot be read as a regular expression: ${cause instanceof Error ? cause.message : String(cause)}`, { pattern }, cause)
  }
  const targets = linear.filter(({ module }) => expression.test(module))
  if (targets.length > 0) return targets
  const example = linear[0]?.module ?? ''
  throw new EngineError('input_invalid', `lora.targetModules is ${JSON.stringify(pattern)}, which matches no layer; a single text is a regular expression for the whole path, such as ${JSON.stringify(example)}. For layer names give a list; known are ${KNOWN_NAMES}`, { pattern })
}

export const loraNames = (module: string): { a: string; b: string; magnitude: string; keep: string } => ({
  a: `${module}.lora_A.weight`,
  b: `${module}.lora_B.weight`,
  magnitude: `${module}.lora_magnitude_vector`,
  keep: `${module}.lora_keep`,
})

/** Names and shapes: A is [r,in], B is [out,r], and DoRA's magnitude [out]. */
export function loraShapes(targets: readonly LoraTarget[], { rank, useDora = false }: Pick<LoraOptions, 'rank' | 'useDora'>): Map<string, Shape> {
  return new Map(targets.flatMap(({ module, inSize, outSize }): [string, Shape][] => [
    [loraNames(module).a, [rank, inSize]],
    [loraNames(module).b, [outSize, rank]],
    ...(useDora ? [[loraNames(module).magnitude, [outSize]] satisfies [string, Shape]] : []),
  ]))
}

/**
 * A ~ U(−1/√in, 1/√in), which is what PEFT's kaiming_uniform(a=√5) draws, or N(0, 1/r); B = 0, and a magnitude is the
 * row's own length √squares: so training starts from the base model. `squares`: ‖w‖² of each row, by module, for DoRA.
 */
export function initialLora(targets: readonly LoraTarget[], lora: Pick<LoraOptions, 'rank' | 'init'> & { seed: number; squares?: ReadonlyMap<string, Float32Array> }): Map<string, Float32Array> {
  const { rank, init, seed, squares } = lora
  const tensors = new Map<string, Float32Array>()
  for (const [index, { module, inSize, outSize }] of targets.entries()) {
    const random = new Random(seed, streams.adapters, index)
    const bound = 1 / Math.sqrt(inSize)
    const draw = init === 'gaussian' ? () => random.normal() / rank : () => (2 * random.uniform() - 1) * bound
    tensors.set(loraNames(module).a, drawn(rank * inSize, draw))
    tensors.set(loraNames(module).b, new Float32Array(outSize * rank))
    const lengths = squares?.get(module)
    if (lengths !== undefined) tensors.set(loraNames(module).magnitude, lengths.map(Math.sqrt))
  }
  return tensors
}

export interface LoraLayers {
  /** To be given to llamaForward as `linear`. */
  linear: (x: Value, module: string) => Value
  /** Byte masks the graph wants fed, [N,in]; none without dropout. */
  keepMasks: { name: string; index: number; size: number }[]
}

export interface LoraGraphOptions {
  lora: LoraOptions
  targets: readonly LoraTarget[]
  weight: (name: string) => Value
  /** x·Wᵀ of the frozen layer called `module`; asked for once for each. */
  product: (x: Value, module: string) => Value
  /** ‖w‖² of each row of the adapted layers, by module; needed for DoRA. */
  squares: ReadonlyMap<string, Float32Array>
  /** Dropout is on while training only. */
  isTraining: boolean
}

export function loraLayers(graph: Graph, { lora, targets, weight, product, squares, isTraining }: LoraGraphOptions): LoraLayers {
  const scaling = loraScaling({ rank: lora.rank, alpha: lora.alpha, useRslora: lora.useRslora ?? false })
  const order = new Map(targets.map(({ module }, index) => [module, index]))
  const keepMasks: LoraLayers['keepMasks'] = []
  const dropped = (x: Value, module: string, index: number): Value => {
    if (!isTraining || lora.dropout === 0) return x
    const { keep } = loraNames(module)
    keepMasks.push({ name: keep, index, size: at(x.shape, 0) * at(x.shape, 1) })
    const mask = graph.apply('Cast', [graph.input(keep, x.shape, 'u8')], { to: 'f32' })
    return binary(graph, 'Mul', x, binary(graph, 'Mul', mask, graph.scalar(1 / keepShare(lora.dropout))))
  }
  /** What each output of the adapted layer is multiplied with: the row's wanted length by its own, [out]. */
  const stretch = (module: string): Value => {
    const { a, b, magnitude } = loraNames(module)
    const known = squares.get(module)
    if (known === undefined) throw new EngineError('weights_missing', `the row norms of ${module} are not known`, { module })
    const norms = factoredRowNorms(graph, { weight: weight(`${module}.weight`), a: weight(a), b: weight(b), scaling, squares: graph.constant(known, [known.length, 1]) })
    return binary(graph, 'Div', weight(magnitude), unary(graph, 'Detach', norms))
  }
  const shared = sharedInner(graph, { modules: order, weight, scaling })
  return {
    keepMasks,
    linear: (x, module) => {
      const base = product(x, module)
      const index = order.get(module)
      if (index === undefined) return base
      const kept = dropped(x, module, index)
      const alone = (): Value => binary(graph, 'Mul', gemm(graph, kept, weight(loraNames(module).a), { transB: true }), graph.scalar(scaling))
      const inner = (kept === x ? shared(x, module) : null) ?? alone()
      const update = gemm(graph, inner, weight(loraNames(module).b), { transB: true })
      if (lora.useDora !== true) return binary(graph, 'Add', base, update)
      if (kept === x) return binary(graph, 'Mul', binary(graph, 'Add', base, update), stretch(module))
      // As in PEFT, what DoRA changes sees the input with its gaps, W·x itself does not.
      const gapped = gemm(graph, kept, weight(`${module}.weight`), { transB: true })
      const stretched = binary(graph, 'Mul', binary(graph, 'Add', gapped, update), stretch(module))
      return binary(graph, 'Add', base, binary(graph, 'Sub', stretched, gapped))
    },
  }
}

/** Layers of one block that read the same input. */
const SIBLINGS = [['q_proj', 'k_proj', 'v_proj'], ['gate_proj', 'up_proj']]

/**
 * s·A·x of one layer as part of one product for all its siblings on the same x. A product with few columns is slow, and
 * so is the sum of many small gradients of x. Null for a layer without siblings, or whose x is not theirs.
 */
function sharedInner(graph: Graph, { modules, weight, scaling }: { modules: ReadonlyMap<string, number>; weight: (name: string) => Value; scaling: number }) {
  const made = new Map<Value, Map<string, Value>>()
  return (x: Value, module: string): Value | null => {
    const known = made.get(x)?.get(module)
    if (known !== undefined) return known
    const place = module.lastIndexOf('.') + 1
    const siblings = (SIBLINGS.find((names) => names.includes(module.slice(place))) ?? []).map((name) => module.slice(0, place) + name).filter((name) => modules.has(name))
    if (siblings.length < 2 || siblings[0] !== module) return null
    const factors = siblings.map((name) => weight(loraNames(name).a))
    const inner = binary(graph, 'Mul', gemm(graph, x, concat(graph, factors, 0), { transB: true }), graph.scalar(scaling))
    let end = 0
    made.set(x, new Map(siblings.map((name, index) => {
      const start = end
      end += at(at(factors, index).shape, 0)
      return [name, slice(graph, inner, { axis: 1, start, end })]
    })))
    return made.get(x)?.get(module) ?? null
  }
}

/** Masks are drawn with 16 bits each, two per draw; the kept share is what those bits can express. */
const MASK_STEPS = 65536
function keepShare(dropout: number): number {
  return (MASK_STEPS - Math.round(dropout * MASK_STEPS)) / MASK_STEPS
}

/** 1 where an input of A is kept. The same seed, step, part of the step and layer give the same mask, so a resumed run drops the same inputs. */
export function keepMask(size: number, options: { dropout: number; seed: number; step: number; part: number; index: number }): Uint8Array {
  const random = new Random(options.seed, streams.dropout, options.step, options.part, options.index)
  const threshold = Math.round(options.dropout * MASK_STEPS)
  const mask = new Uint8Array(size)
  for (let index = 0; index < size; index += 2) {
    const bits = random.uint32()
    mask[index] = (bits & 0xffff) >= threshold ? 1 : 0
    if (index + 1 < size) mask[index + 1] = bits >>> 16 >= threshold ? 1 : 0
  }
  return mask
}
