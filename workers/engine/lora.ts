/** Low-rank adapters (Hu et al. 2021, arXiv:2106.09685) with PEFT's semantics: y = Wx + s·B(A(dropout(x))). */
import { EngineError } from './engine-error.js'
import type { LlamaConfig, LoraOptions } from './engine.js'
import { loraScaling } from './formats/peft.js'
import type { Graph } from './graph.js'
import { llamaWeightShapes } from './models/llama.js'
import { binary } from './ops/elementwise.js'
import { at } from './ops/operator.js'
import { gemm } from './ops/products.js'
import { Random, streams } from './random.js'
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
  const wanted = targetModules.includes('all-linear') ? [''] : targetModules
  for (const name of wanted) {
    if (!linear.some(({ module }) => isNamed(module, name))) throw new EngineError('input_invalid', `lora.targetModules names "${name}", which no layer has; known are q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj and all-linear`, { name })
  }
  const targets = linear.filter(({ module }) => wanted.some((name) => isNamed(module, name)))
  if (targets.length === 0) throw new EngineError('input_invalid', 'lora.targetModules is empty; name at least one layer, as in ["q_proj", "v_proj"]')
  for (const { module, inSize, outSize } of targets) {
    const largest = Math.min(inSize, outSize)
    if (rank > largest) throw new EngineError('input_invalid', `lora.rank is ${rank}, but ${module} is ${outSize}×${inSize}, so no rank above ${largest} adds anything; lower the rank or leave that layer out`, { rank, module })
  }
  return targets
}

function isNamed(module: string, name: string): boolean {
  return name === '' || module === name || module.endsWith(`.${name}`)
}

export const loraNames = (module: string): { a: string; b: string; keep: string } => ({ a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight`, keep: `${module}.lora_keep` })

/** Names and shapes: A is [r,in], B is [out,r]. */
export function loraShapes(targets: readonly LoraTarget[], rank: number): Map<string, Shape> {
  return new Map(targets.flatMap(({ module, inSize, outSize }): [string, Shape][] => [
    [loraNames(module).a, [rank, inSize]],
    [loraNames(module).b, [outSize, rank]],
  ]))
}

/** A ~ U(−1/√in, 1/√in), which is what PEFT's kaiming_uniform(a=√5) draws; B = 0, so training starts from the base model. */
export function initialLora(targets: readonly LoraTarget[], { rank, seed }: { rank: number; seed: number }): Map<string, Float32Array> {
  const tensors = new Map<string, Float32Array>()
  for (const [index, { module, inSize, outSize }] of targets.entries()) {
    const random = new Random(seed, streams.adapters, index)
    const bound = 1 / Math.sqrt(inSize)
    tensors.set(loraNames(module).a, Float32Array.from({ length: rank * inSize }, () => (2 * random.uniform() - 1) * bound))
    tensors.set(loraNames(module).b, new Float32Array(outSize * rank))
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
  /** Dropout is on while training only. */
  isTraining: boolean
}

export function loraLayers(graph: Graph, { lora, targets, weight, isTraining }: LoraGraphOptions): LoraLayers {
  const scale = loraScaling({ rank: lora.rank, alpha: lora.alpha, useRslora: lora.useRslora ?? false })
  const order = new Map(targets.map(({ module }, index) => [module, index]))
  const keepMasks: LoraLayers['keepMasks'] = []
  const dropped = (x: Value, module: string, index: number): Value => {
    if (!isTraining || lora.dropout === 0) return x
    const { keep } = loraNames(module)
    keepMasks.push({ name: keep, index, size: at(x.shape, 0) * at(x.shape, 1) })
    const mask = graph.apply('Cast', [graph.input(keep, x.shape, 'u8')], { to: 'f32' })
    return binary(graph, 'Mul', x, binary(graph, 'Mul', mask, graph.scalar(1 / keepShare(lora.dropout))))
  }
  return {
    keepMasks,
    linear: (x, module) => {
      const base = gemm(graph, x, weight(`${module}.weight`), { transB: true })
      const index = order.get(module)
      if (index === undefined) return base
      const { a, b } = loraNames(module)
      const inner = gemm(graph, dropped(x, module, index), weight(a), { transB: true })
      const adapted = gemm(graph, binary(graph, 'Mul', inner, graph.scalar(scale)), weight(b), { transB: true })
      return binary(graph, 'Add', base, adapted)
    },
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
