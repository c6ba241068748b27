/** The two graphs a batch shape compiles to: loss with gradients, and loss alone. */
import type { LlamaConfig, TrainerOptions } from './engine.js'
import { gradients } from './autodiff.js'
import type { Batch } from './batches.js'
import { codedProduct, pieceProduct } from './frozen-weights.js'
import { Graph } from './graph.js'
import { loraLayers, type LoraLayers } from './lora.js'
import { addHeadScores, headBlocks, headBlocksOf } from './models/head-blocks.js'
import { causalMask, chosenLogit, headWeightName, llamaForward, lossOver, packedMask, type LossInput, type TokenLoss } from './models/llama.js'
import { binary } from './ops/elementwise.js'
import { gather } from './ops/indexing.js'
import { at } from './ops/operator.js'
import { gemm } from './ops/products.js'
import { weightSource, type Parameters } from './parameters.js'
import type { Quantization } from './quantization.js'
import type { Segment } from './recompute.js'
import type { Value } from './tensor.js'

export interface StepGraphOptions {
  config: LlamaConfig
  options: TrainerOptions
  parameters: Parameters
  shape: Pick<Batch, 'B' | 'T' | 'R'>
  /** Into how many blocks the rows of the head are cut, where it is frozen or nothing is trained; left out: as many as keep the logits of one few. */
  headBlocks?: number
}

export interface StepGraph {
  graph: Graph
  keepMasks: LoraLayers['keepMasks']
}

/** Formats of frozen weights that are multiplied as they are stored, whatever the number of rows. */
const CODED: ReadonlySet<Quantization> = new Set(['nf4'])

export const gradientName = (name: string): string => `gradient:${name}`

/** Forward and backward. Outputs loss [1,1], this batch's part of the update's mean, its gradient for every trainable tensor, and shortfall [R,1] (see TokenLoss). */
export function trainGraph(spec: StepGraphOptions): StepGraph {
  const { parameters } = spec
  const graph = new Graph()
  const weight = weightSource(graph, parameters)
  const { lossInput, layers, keepMasks } = forward(graph, weight, { ...spec, isTraining: true })
  // A trained head would sum its gradient over the blocks, each as large as itself.
  const blocks = headBlocks(graph, lossInput, spec.options.lora === null ? 1 : (spec.headBlocks ?? headBlocksOf(spec.shape.R, spec.config.vocabSize)))
  const chosen = chosenLogit(graph, lossInput)
  const share = graph.input('share', [spec.shape.R, 1])
  const losses = (): Omit<TokenLoss, 'logits'> => lossOver(graph, { ...lossInput, chosen, blocks })
  const loss = (objective: Value): Value => graph.apply('ReduceSum', [binary(graph, 'Mul', objective, share)], { axes: [0, 1] })
  const names = [...parameters.trainable.keys()]
  const recomputed = spec.options.gradientCheckpointing ? layers : []
  for (const [index, gradient] of gradients(graph, loss(losses().objective), names.map(weight), recomputed).entries()) graph.output(gradientName(at(names, index)), gradient)
  // What stands last is computed last: before the gradients it would need the logits of every block.
  const { objective, shortfall } = losses()
  graph.output('loss', loss(objective))
  graph.output('shortfall', shortfall)
  return { graph, keepMasks }
}

/** Forward only. Outputs the loss and the first choice of each head row, to be read by `headScores`; logits never leave the graph. */
export function evaluateGraph(spec: StepGraphOptions): Graph {
  const graph = new Graph()
  const { lossInput } = forward(graph, weightSource(graph, spec.parameters), { ...spec, isTraining: false })
  addHeadScores(graph, lossInput, spec.headBlocks ?? headBlocksOf(spec.shape.R, spec.config.vocabSize))
  return graph
}

function forward(graph: Graph, weight: (name: string) => Value, spec: StepGraphOptions & { isTraining: boolean }): { lossInput: LossInput; layers: Segment[]; keepMasks: LoraLayers['keepMasks'] } {
  const { config, options, parameters, shape: { B, T, R }, isTraining } = spec
  const isCpu = options.device === 'cpu'
  const product = (x: Value, module: string): Value => {
    const name = `${module}.weight`
    const coded = isCpu ? codedProduct(graph, x, { name, weight: parameters.frozen.get(name), formats: CODED }) : null
    return coded ?? gemm(graph, x, weight(name), { transB: true })
  }
  const adapters = options.lora === null ? null : loraLayers(graph, { lora: options.lora, targets: parameters.targets, squares: parameters.squares, weight, product, isTraining })
  const { hidden, layers } = llamaForward(graph, {
    config, weight,
    tokens: graph.input('tokens', [B, T], 'i64'),
    positions: graph.input('positions', [B, T], 'i64'),
    positionLimit: T,
    mask: isTraining && options.packing ? packedMask(graph, graph.input('segments', [B, T])) : causalMask(graph, T),
    linear: adapters?.linear,
  })
  const rows = R === B * T ? hidden : gather(graph, hidden, graph.input('head-rows', [R], 'i64'))
  const headName = headWeightName(config)
  const headProduct = isCpu ? pieceProduct(graph, { name: headName, weight: parameters.frozen.get(headName) }) : undefined
  const lossInput = { hidden: rows, head: weight(headName), headProduct, labels: graph.input('labels', [R], 'i64'), labelSmoothing: isTraining ? options.labelSmoothing : 0 }
  return { lossInput, layers, keepMasks: adapters?.keepMasks ?? [] }
}
