/** What a run trains and what it leaves frozen. */
import { rowSquares } from './dora.js'
import { EngineError } from './engine-error.js'
import type { LlamaConfig, LoraOptions, TrainerOptions } from './engine.js'
import { readTensorF32 } from './formats/safetensors.js'
import { declareFrozen, openFrozenWeights, readFrozen, type FrozenWeight } from './frozen-weights.js'
import type { Graph } from './graph.js'
import { initialLora, loraShapes, loraTargets, type LoraTarget } from './lora.js'
import { llamaWeightShapes } from './models/llama.js'
import { openLlamaWeights } from './models/llama-weights.js'
import { drawn, Random, streams } from './random.js'
import { sizeOf, type Shape, type Value } from './tensor.js'

export interface TrainableTensor {
  shape: Shape
  /** Norm weights and biases are exempt from weight decay. */
  decays: boolean
  /** Factor on the learning rate. */
  rateFactor: number
  /** First values; the trainer changes this array in place. */
  initial: Float32Array
}

export interface Parameters {
  /** By Hugging Face name, or `module.lora_A.weight`, `module.lora_B.weight`, `module.lora_magnitude_vector`. */
  trainable: Map<string, TrainableTensor>
  frozen: Map<string, FrozenWeight>
  targets: LoraTarget[]
  /** With DoRA, ‖w‖² of each row of the adapted layers, by module. */
  squares: ReadonlyMap<string, Float32Array>
}

const INITIAL_DEVIATION = 0.02

/** `isFresh`: start from random weights instead of those in the folder. */
export function openParameters(options: TrainerOptions, config: LlamaConfig, isFresh: boolean): Parameters {
  const shapes = llamaWeightShapes(config)
  if (options.lora !== null) {
    return openAdapter(options.lora, { frozen: openFrozenWeights(options.modelFolder, config, options.base), targets: loraTargets(config, options.lora), seed: options.seed })
  }
  const stored = isFresh ? null : openLlamaWeights(options.modelFolder, config)
  const trainable = withInitial(shapes, (name, shape, index) => {
    const entry = stored?.get(name)
    return entry ? readTensorF32(entry.file, entry) : freshWeight(name, shape, { seed: options.seed, index })
  })
  return { trainable, frozen: new Map(), targets: [], squares: new Map() }
}

function openAdapter(lora: LoraOptions, { frozen, targets, seed }: { frozen: Map<string, FrozenWeight>; targets: LoraTarget[]; seed: number }): Parameters {
  const squares = lora.useDora === true ? squaresOf(frozen, targets) : new Map<string, Float32Array>()
  const initial = initialLora(targets, { ...lora, seed, squares })
  const trainable = withInitial(loraShapes(targets, lora), (name) => initial.get(name))
  for (const [name, tensor] of trainable) {
    // As in PEFT's create_loraplus_optimizer, DoRA's magnitudes learn at the rate of B and, as in Hugging Face's trainer, decay.
    if (!name.endsWith('.lora_A.weight')) tensor.rateFactor = lora.loraPlusRatio ?? 1
    tensor.decays = true
  }
  return { trainable, frozen, targets, squares }
}

function squaresOf(frozen: ReadonlyMap<string, FrozenWeight>, targets: readonly LoraTarget[]): Map<string, Float32Array> {
  return new Map(targets.map(({ module, inSize }) => {
    const entry = frozen.get(`${module}.weight`)
    if (entry === undefined) throw new EngineError('weights_missing', `the model has no weight "${module}.weight"`, { module })
    return [module, rowSquares(readFrozen(entry), inSize)]
  }))
}

function withInitial(shapes: ReadonlyMap<string, Shape>, read: (name: string, shape: Shape, index: number) => Float32Array | undefined): Map<string, TrainableTensor> {
  return new Map([...shapes].map(([name, shape], index): [string, TrainableTensor] => {
    const initial = read(name, shape, index)
    if (initial === undefined) throw new EngineError('weights_missing', `no first value for "${name}"`, { name })
    return [name, { shape, decays: shape.length === 2, rateFactor: 1, initial }]
  }))
}

/** Hugging Face's initialisation of the Llama family: N(0, 0.02) for matrices, ones for norms, zeros for biases. */
function freshWeight(name: string, shape: Shape, { seed, index }: { seed: number; index: number }): Float32Array {
  if (shape.length === 1) return new Float32Array(sizeOf(shape)).fill(name.endsWith('.bias') ? 0 : 1)
  const random = new Random(seed, streams.weights, index)
  return drawn(sizeOf(shape), () => random.normal() * INITIAL_DEVIATION)
}

/** Names to graph values: trainable tensors as inputs, all others in their files; each is declared once. */
export function weightSource(graph: Graph, { trainable, frozen }: Pick<Parameters, 'trainable' | 'frozen'>): (name: string) => Value {
  const declared = new Map<string, () => Value>()
  const declare = (name: string): (() => Value) => {
    const tensor = trainable.get(name)
    if (tensor) {
      const input = graph.input(name, tensor.shape)
      return () => input
    }
    const weight = frozen.get(name)
    if (!weight) throw new EngineError('weights_missing', `the model has no weight "${name}"`, { name })
    return declareFrozen(graph, name, weight)
  }
  return (name) => {
    const use = declared.get(name) ?? declare(name)
    declared.set(name, use)
    return use()
  }
}
