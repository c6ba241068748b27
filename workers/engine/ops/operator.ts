/** What every operator of the engine must say: its shape rule, its gradient, and how ONNX spells it. */
import type { DType, GraphBuilder, Shape, Value } from '../tensor.js'
import { graphError } from '../tensor.js'

export interface Inferred {
  shape: Shape
  dtype: DType
}

export interface BackwardContext<A> {
  graph: GraphBuilder
  inputs: readonly Value[]
  output: Value
  attributes: A
  /** Gradient of the loss with respect to the output, of the output's shape. */
  gradient: Value
}

export interface EmittedNode {
  output?: string
  /** Whole numbers, texts and lists of whole numbers. */
  attributes?: Record<string, number | string | readonly number[]>
  floats?: Record<string, number>
  /** Left out, that of ONNX itself. */
  domain?: 'com.microsoft'
}

/** Receives the ONNX nodes of one operator; intermediate names are fresh. */
export interface Emitter {
  /** A GPU runs many threads at once and has no 64-bit arithmetic: some operators are spelled another way for it. */
  readonly target: 'cpu' | 'gpu'
  node(type: string, inputs: readonly string[], options?: EmittedNode): string
  int64(values: readonly number[]): string
  float(value: number): string
  /** A constant that every node of the file shares. */
  table(name: string, make: () => Float32Array, shape: Shape): string
  /** The bytes of a stored weight as whole numbers of 16 bits; null for what is not stored. */
  rereadAsUint16(value: Value, shape: Shape): string | null
}

export interface EmitContext<A> {
  emitter: Emitter
  names: readonly string[]
  inputs: readonly Value[]
  output: Value
  /** The name the last node must write to. */
  outputName: string
  attributes: A
}

export interface Operator<A> {
  infer(inputs: readonly Value[], attributes: A): Inferred
  /** One gradient per input, null where none flows; null for operators that have no gradient. */
  backward: ((context: BackwardContext<A>) => (Value | null)[]) | null
  emit(context: EmitContext<A>): void
}

/** `noUncheckedIndexedAccess` made honest: an operator given too few inputs is a mistake of ours worth a message. */
export function at<T>(list: readonly T[], index: number): T {
  const item = list[index < 0 ? list.length + index : index]
  if (item === undefined) throw graphError(`item ${index} of ${list.length} does not exist`)
  return item
}
