/** The two graphs a batch shape compiles to: loss with gradients, and loss alone. */
import type { LlamaConfig, TrainerOptions } from './engine.js'
import { gradients } from './autodiff.js'
import type { Batch } from './batches.js'
import { Graph } from './graph.js'
import { loraLayers, type LoraLayers } from './lora.js'
import { causalMask, chosenLogit, headBlock, headWeightName, llamaForward, lossOver, packedMask, tokenLoss, type HeadBlock, type LossInput, type TokenLoss } from './models/llama.js'
import { binary } from './ops/elementwise.js'
import { gather } from './ops/indexing.js'
import { slice } from './ops/layout.js'
import { at } from './ops/operator.js'
import { weightSource, type Parameters } from './parameters.js'
import type { Segment } from './recompute.js'
import type { Value } from './tensor.js'

export interface StepGraphOptions {
  config: LlamaConfig
  options: TrainerOptions
  parameters: Parameters
  shape: Pick<Batch, 'B' | 'T' | 'R'>
  /** Into how many blocks the rows of a frozen head are cut; left out: as many as keep the logits of one few. */
  headBlocks?: number
}

export interface StepGraph {
  graph: Graph
  keepMasks: LoraLayers['keepMasks']
}

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

/** Forward only. Outputs nll [R,1] and first choice [R] (i64) of each head row; logits never leave the graph. */
export function evaluateGraph(spec: StepGraphOptions): Graph {
  const graph = new Graph()
  const { lossInput } = forward(graph, weightSource(graph, spec.parameters), { ...spec, isTraining: false })
  const { nll, logits } = tokenLoss(graph, lossInput)
  graph.output('nll', nll)
  graph.output('choice', graph.apply('ArgMax', [logits], {}))
  return graph
}

function forward(graph: Graph, weight: (name: string) => Value, spec: StepGraphOptions & { isTraining: boolean }): { lossInput: LossInput; layers: Segment[]; keepMasks: LoraLayers['keepMasks'] } {
  const { config, options, parameters, shape: { B, T, R }, isTraining } = spec
  const adapters = options.lora === null ? null : loraLayers(graph, { lora: options.lora, targets: parameters.targets, squares: parameters.squares, weight, isTraining })
  const { hidden, layers } = llamaForward(graph, {
    config, weight,
    tokens: graph.input('tokens', [B, T], 'i64'),
    positions: graph.input('positions', [B, T], 'i64'),
    positionLimit: T,
    mask: isTraining && options.packing ? packedMask(graph, graph.input('segments', [B, T])) : causalMask(graph, T),
    linear: adapters?.linear,
  })
  const rows = R === B * T ? hidden : gather(graph, hidden, graph.input('head-rows', [R], 'i64'))
  const lossInput = { hidden: rows, head: weight(headWeightName(config)), labels: graph.input('labels', [R], 'i64'), labelSmoothing: isTraining ? options.labelSmoothing : 0 }
  return { lossInput, layers, keepMasks: adapters?.keepMasks ?? [] }
}

/** Rows of the head of which the logits are held at once, where they are many. Fewer would make the product slower. */
const BLOCK_ROWS = 256
/** Logits up to this many cost little memory. */
const FEW_LOGITS = 1 << 22

function headBlocksOf(rows: number, vocabSize: number): number {
  return rows * vocabSize <= FEW_LOGITS ? 1 : Math.ceil(rows / BLOCK_ROWS)
}

/**
 * Rows through the head, some after the others. Gradients are computed depth first, the forward pass of a block right
 * before its backward pass, so that the logits of one block alone are in memory; the sums are the same.
 */
function headBlocks(graph: Graph, { hidden, head }: LossInput, blocks: number): HeadBlock[] {
  if (blocks === 1) return [headBlock(graph, { hidden, head })]
  const rows = at(hidden.shape, 0)
  const edge = (block: number): number => Math.floor((rows * block) / blocks)
  return Array.from({ length: blocks }, (_, block) => headBlock(graph, { hidden: slice(graph, hidden, { axis: 0, start: edge(block), end: edge(block + 1) }), head }))
}
