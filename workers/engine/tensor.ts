/**
 * Tensors as the graph sees them: a name, a shape, a dtype and where the numbers come from.
 * Shape legend used by the engine: B rows, T positions, N = B·T, D hidden size, H query heads, K key/value heads,
 * G = H/K, d head size, F feed-forward size, V vocabulary, r adapter rank.
 */
import { EngineError } from './engine-error.js'
import type { OperatorAttributes, OperatorName } from './ops/attributes.js'

/** i4: two in a byte, the first in the low half. */
export type DType = 'f32' | 'f16' | 'bf16' | 'i64' | 'u8' | 'i8' | 'i4'
export type Shape = readonly number[]

/** Bytes of a tensor inside a weights file, as ONNX external data. */
export interface ExternalLocation {
  file: string
  offset: number
  length: number
}

export type Source =
  | { kind: 'input' }
  | { kind: 'constant'; data: Float32Array | BigInt64Array }
  | { kind: 'external'; location: ExternalLocation }
  | { kind: 'node'; node: Node }

export interface Value {
  readonly id: number
  /** Set for inputs and weights; intermediate values are named by their id. */
  readonly name: string
  readonly shape: Shape
  readonly dtype: DType
  readonly source: Source
  /** A constant, a weight in its file, or made of these alone: the same in every run. */
  readonly isFixed: boolean
}

export interface Node<K extends OperatorName = OperatorName> {
  readonly operator: K
  readonly inputs: readonly Value[]
  readonly attributes: OperatorAttributes[K]
  readonly output: Value
}

/** The part of a graph that operators need to write their gradients. */
export interface GraphBuilder {
  constant(data: Float32Array | BigInt64Array, shape: Shape): Value
  scalar(value: number): Value
  apply<K extends OperatorName>(operator: K, inputs: readonly Value[], attributes: OperatorAttributes[K]): Value
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1)
}

/** The shape is numpy's broadcast of both; throws where they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, index) => {
    const left = a[index - rank + a.length] ?? 1
    const right = b[index - rank + b.length] ?? 1
    if (left !== right && left !== 1 && right !== 1) throw graphError(`shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`)
    return left === 1 ? right : left
  })
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, index) => size === b[index])
}

export function graphError(message: string): EngineError {
  return new EngineError('graph_invalid', message)
}
