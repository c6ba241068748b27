/** The two graphs a batch shape compiles to: one update of the weights, and the loss alone. */
import type { LlamaConfig, TrainerOptions } from './engine.js'
import { gradients } from './autodiff.js'
import type { Batch } from './batches.js'
import { Graph } from './graph.js'
import { loraLayers, type LoraLayers } from './lora.js'
import { causalMask, headWeightName, llamaForward, packedMask, tokenLoss, type TokenLoss } from './models/llama.js'
import { adamW, declareScalars, globalNorm } from './optim.js'
import { binary } from './ops/elementwise.js'
import { gather } from './ops/indexing.js'
import { at } from './ops/operator.js'
import { weightSource, type Parameters } from './parameters.js'
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

export const nextName = (name: string): string => `next:${name}`
export const meanName = (name: string): string => `${name}:mean`
export const varianceName = (name: string): string => `${name}:variance`

/** Forward, backward, clip and AdamW in one graph. Outputs loss [1], grad-norm [1], and every tensor and moment after the update. */
export function trainGraph(spec: StepGraphOptions): StepGraph {
  const { options, parameters } = spec
  const graph = new Graph()
  const weight = weightSource(graph, parameters)
  const { loss: { nll }, keepMasks } = forward(graph, weight, { ...spec, isTraining: true })
  const share = graph.input('share', [spec.shape.R, 1])
  const loss = graph.apply('ReduceSum', [binary(graph, 'Mul', nll, share)], { axes: [0, 1] })
  const names = [...parameters.trainable.keys()]
  const values = names.map(weight)
  const partials = gradients(graph, loss, values)
  const { norm, coefficient, squares } = globalNorm(graph, partials, options.maxGradNorm)
  const context = { scalars: declareScalars(graph), clip: coefficient, betas: options.betas, eps: options.eps }
  for (const [index, [name, { shape, decays }]] of [...parameters.trainable].entries()) {
    const tensor = { parameter: at(values, index), gradient: at(partials, index), square: at(squares, index), mean: graph.input(meanName(name), shape), variance: graph.input(varianceName(name), shape), decays }
    const next = adamW(graph, tensor, context)
    graph.output(nextName(name), next.parameter)
    graph.output(nextName(meanName(name)), next.mean)
    graph.output(nextName(varianceName(name)), next.variance)
  }
  graph.output('loss', loss)
  graph.output('grad-norm', norm)
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

function forward(graph: Graph, weight: (name: string) => Value, spec: StepGraphOptions & { isTraining: boolean }): { loss: TokenLoss; keepMasks: LoraLayers['keepMasks'] } {
  const { config, options, parameters, shape: { B, T, R }, isTraining } = spec
  const adapters = options.lora === null ? null : loraLayers(graph, { lora: options.lora, targets: parameters.targets, weight, isTraining })
  const { hidden } = llamaForward(graph, {
    config, weight,
    tokens: graph.input('tokens', [B, T], 'i64'),
    positions: graph.input('positions', [B, T], 'i64'),
    positionLimit: T,
    mask: isTraining && options.packing ? packedMask(graph, graph.input('segments', [B, T])) : causalMask(graph, T),
    linear: adapters?.linear,
  })
  const rows = R === B * T ? hidden : gather(graph, hidden, graph.input('head-rows', [R], 'i64'))
  const loss = tokenLoss(graph, { hidden: rows, head: weight(headWeightName(config)), labels: graph.input('labels', [R], 'i64') })
  return { loss, keepMasks: adapters?.keepMasks ?? [] }
}
