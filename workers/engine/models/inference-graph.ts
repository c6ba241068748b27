/**
 * Inference graphs of a Llama: T new tokens after P cached positions, or the next token of several sequences. Padding
 * sits behind the real tokens and is masked, which changes nothing they see. Adapters and live weights are fed, not
 * compiled in: switching one costs no new session where shapes agree.
 */
import { adaptedWeight, rowNorms } from '../dora.js'
import type { LlamaConfig } from '../engine.js'
import { codedProduct, pieceProduct } from '../frozen-weights.js'
import { Graph } from '../graph.js'
import { binary } from '../ops/elementwise.js'
import { gather } from '../ops/indexing.js'
import { gemm } from '../ops/products.js'
import { weightSource, type Parameters } from '../parameters.js'
import type { Quantization } from '../quantization.js'
import type { Value } from '../tensor.js'
import { decodeStep } from './decode-graph.js'
import { addHeadScores, headBlocksOf } from './head-blocks.js'
import { headWeightName, llamaForward, type KeysAndValues, type LlamaOutputs } from './llama.js'

export interface LoraFactors {
  rank: number
  /** [rank, in] */
  a: Float32Array
  /** [out, rank], already times the adapter's scaling. */
  b: Float32Array
  /** [out]: lengths to which DoRA brings the rows of W + B·A. */
  magnitude?: Float32Array
}

/** What is compiled: sizes, weights and the shapes of the adapter. */
export interface InferenceModel {
  config: LlamaConfig
  weights: Pick<Parameters, 'trainable' | 'frozen'>
  adapter: ReadonlyMap<string, LoraFactors>
  /** Formats of quantised weights whose codes are multiplied as they are. */
  codedFormats: ReadonlySet<Quantization>
  /** A head that is stored in 16 bits and is large is widened some rows after the others. */
  widensHeadInPieces: boolean
}

export interface StepShape {
  /** Tokens of one row, labels to score behind it, or the next token of each of several. */
  kind: 'extend' | 'score' | 'next'
  /** Sequences side by side; more than 1 only for 'next'. */
  B: number
  /** New tokens, padding included. */
  T: number
  /** Cache slots, 0 for none. */
  P: number
  /** Rows whose logits come back ('extend' only). */
  R: number
}

export const stretchName = (module: string): string => `${module}.stretch`

export function inferenceGraph(model: InferenceModel, shape: StepShape): Graph {
  const graph = new Graph()
  const weight = weightSource(graph, model.weights)
  const built = new InferenceGraph(graph, model, weight)
  if (shape.kind === 'next') built.next(shape)
  else built.pass(shape)
  return graph
}

/** m / ‖W + B·A‖ of each row of the layers that DoRA adapts, by module. */
export function stretchGraph({ weights, adapter }: Pick<InferenceModel, 'weights' | 'adapter'>): Graph {
  const graph = new Graph()
  const weight = weightSource(graph, weights)
  for (const [module, { rank, a, b, magnitude }] of adapter) {
    if (magnitude === undefined) continue
    const factors = { weight: weight(`${module}.weight`), a: graph.input(`${module}.lora_A`, [rank, a.length / rank]), b: graph.input(`${module}.lora_B`, [b.length / rank, rank]), scaling: 1 }
    graph.output(module, binary(graph, 'Div', graph.input(stretchName(module), [magnitude.length]), rowNorms(graph, adaptedWeight(graph, factors))))
  }
  return graph
}

class InferenceGraph {
  readonly #graph: Graph
  readonly #model: InferenceModel
  readonly #weight: (name: string) => Value

  constructor(graph: Graph, model: InferenceModel, weight: (name: string) => Value) {
    this.#graph = graph
    this.#model = model
    this.#weight = weight
  }

  /** Logits of some rows with the keys and values of all, or the scores of labels. */
  pass(shape: StepShape): void {
    const graph = this.#graph
    const { kind, T, R } = shape
    const { config } = this.#model
    const { hidden, present } = this.#forward(shape)
    if (kind === 'score') {
      const labels = graph.input('labels', [T], 'i64')
      addHeadScores(graph, { hidden, head: this.#weight(headWeightName(config)), headProduct: this.#headProduct(), labels }, headBlocksOf(T, config.vocabSize))
      return
    }
    this.#addLogits(gather(graph, hidden, graph.input('rows', [R], 'i64')))
    this.#addPresent(present)
  }

  next({ B, P }: StepShape): void {
    const graph = this.#graph
    const { config } = this.#model
    const { kvHeads, headDim } = config
    const angles = (name: string): Value => graph.freeInput(name, [B, headDim / 2], { axes: ['rows', null] })
    const { hidden, present } = decodeStep(graph, {
      config,
      weight: this.#weight,
      tokens: graph.freeInput('tokens', [B], { dtype: 'i64', axes: ['rows'] }),
      mask: graph.freeInput('mask', [B, 1, 1, P], { axes: ['rows', null, null, 'capacity'] }),
      angles: { cos: angles('cos'), sin: angles('sin') },
      past: this.#cachedLayers((name) => graph.freeInput(name, [B, kvHeads, P, headDim], { axes: ['rows', null, 'capacity', null] })),
      linear: (x, module) => this.#linear(x, module),
    })
    this.#addLogits(hidden)
    this.#addPresent(present)
  }

  #forward({ B, T, P }: StepShape): LlamaOutputs {
    const graph = this.#graph
    const { config } = this.#model
    const { kvHeads, headDim } = config
    return llamaForward(graph, {
      config,
      weight: this.#weight,
      tokens: graph.input('tokens', [B, T], 'i64'),
      positions: graph.input('positions', [B, T], 'i64'),
      positionLimit: P + T,
      mask: graph.input('mask', [B, 1, 1, T, P + T]),
      past: P > 0 ? this.#cachedLayers((name) => graph.input(name, [B, kvHeads, P, headDim])) : undefined,
      linear: (x, module) => this.#linear(x, module),
    })
  }

  #linear(x: Value, module: string): Value {
    const graph = this.#graph
    const name = `${module}.weight`
    const { adapter, codedFormats, weights } = this.#model
    const coded = codedProduct(graph, x, { name, weight: weights.frozen.get(name), formats: codedFormats })
    const base = coded ?? gemm(graph, x, this.#weight(name), { transB: true })
    const factors = adapter.get(module)
    if (factors === undefined) return base
    const { rank, a, b, magnitude } = factors
    const down = gemm(graph, x, graph.input(`${module}.lora_A`, [rank, a.length / rank]), { transB: true })
    const up = gemm(graph, down, graph.input(`${module}.lora_B`, [b.length / rank, rank]), { transB: true })
    const adapted = binary(graph, 'Add', base, up)
    return magnitude === undefined ? adapted : binary(graph, 'Mul', adapted, graph.input(stretchName(module), [magnitude.length]))
  }

  #headProduct(): ((x: Value) => Value) | undefined {
    const name = headWeightName(this.#model.config)
    return this.#model.widensHeadInPieces ? pieceProduct(this.#graph, { name, weight: this.#model.weights.frozen.get(name) }) : undefined
  }

  #addLogits(hidden: Value): void {
    const graph = this.#graph
    graph.output('logits', this.#headProduct()?.(hidden) ?? gemm(graph, hidden, this.#weight(headWeightName(this.#model.config)), { transB: true }))
  }

  #addPresent(present: readonly KeysAndValues[]): void {
    for (const [layer, { keys, values }] of present.entries()) {
      this.#graph.output(`keys.${layer}`, keys)
      this.#graph.output(`values.${layer}`, values)
    }
  }

  #cachedLayers(cached: (name: string) => Value): KeysAndValues[] {
    return Array.from({ length: this.#model.config.layers }, (_, layer) => ({ keys: cached(`pastKeys.${layer}`), values: cached(`pastValues.${layer}`) }))
  }
}
