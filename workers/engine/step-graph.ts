/** The two graphs a batch shape compiles to: loss with gradients, and loss alone. */
import type { LlamaConfig, TrainerOptions } from './engine.js'
import { gradients } from './autodiff.js'
import type { Batch } from './batches.js'
import { Graph } from './graph.js'
import { loraLayers, type LoraLayers } from './lora.js'
import { causalMask, headWeightName, llamaForward, packedMask, tokenLoss, type TokenLoss } from './models/llama.js'
import { binary } from './ops/elementwise.js'
import { gather } from './ops/indexing.js'
import { at } from './ops/operator.js'
import { weightSource, type Parameters } from './parameters.js'
import type { Segment } from './recompute.js'
import type { Value } from './tensor.js'

export interface StepGraphOptions {
  config: LlamaConfig
  options: TrainerOptions
  parameters: Parameters
  shape: Pick<Batch, 'B' | 'T' | 'R'>
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
  const { loss: { objective, shortfall }, layers, keepMasks } = forward(graph, weight, { ...spec, isTraining: true })
  const share = graph.input('share', [spec.shape.R, 1])
  const loss = graph.apply('ReduceSum', [binary(graph, 'Mul', objective, share)], { axes: [0, 1] })
  const names = [...parameters.trainable.keys()]
  const recomputed = spec.options.gradientCheckpointing ? layers : []
  for (const [index, gradient] of gradients(graph, loss, names.map(weight), recomputed).entries()) graph.output(gradientName(at(names, index)), gradient)
  graph.output('loss', loss)
  graph.output('shortfall', shortfall)
  return { graph, keepMasks }
}

/** Forward only. Outputs nll [R,1] and first choice [R] (i64) of each head row; logits never leave the graph. */
export function evaluateGraph(spec: StepGraphOptions): Graph {
  const graph = new Graph()
  const { loss: { nll, logits } } = forward(graph, weightSource(graph, spec.parameters), { ...spec, isTraining: false })
  graph.output('nll', nll)
  graph.output('choice', graph.apply('ArgMax', [logits], {}))
  return graph
}

function forward(graph: Graph, weight: (name: string) => Value, spec: StepGraphOptions & { isTraining: boolean }): { loss: TokenLoss; layers: Segment[]; keepMasks: LoraLayers['keepMasks'] } {
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
  const labelSmoothing = isTraining ? options.labelSmoothing : 0
  const loss = tokenLoss(graph, { hidden: rows, head: weight(headWeightName(config)), labels: graph.input('labels', [R], 'i64'), labelSmoothing })
  return { loss, layers, keepMasks: adapters?.keepMasks ?? [] }
}
