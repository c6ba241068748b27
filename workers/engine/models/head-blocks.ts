/**
 * The head over many rows, some of them after the others: the logits of a whole batch never lie in memory at once.
 * Legend: R rows, V vocabulary, D hidden size.
 */
import { floats, integers, type Data } from '../executors/executor.js'
import type { Graph } from '../graph.js'
import { binary } from '../ops/elementwise.js'
import { slice } from '../ops/layout.js'
import { at } from '../ops/operator.js'
import type { Value } from '../tensor.js'
import { chosenLogit, headBlock, type HeadBlock, type LossInput } from './llama.js'

/** Rows of the head of which the logits are held at once, where they are many. Fewer would make the product slower. */
const BLOCK_ROWS = 256
/** Logits up to this many cost little memory. */
const FEW_LOGITS = 1 << 22

export function headBlocksOf(rows: number, vocabSize: number): number {
  return rows * vocabSize <= FEW_LOGITS ? 1 : Math.ceil(rows / BLOCK_ROWS)
}

/**
 * Rows through the head, some after the others. Gradients are computed depth first, the forward pass of a block right
 * before its backward pass, so that the logits of one block alone are in memory; the sums are the same.
 */
export function headBlocks(graph: Graph, input: LossInput, blocks: number): HeadBlock[] {
  return edgesOf(at(input.hidden.shape, 0), blocks).map((edges) => headBlock(graph, { ...input, hidden: rowsOf(graph, input.hidden, edges) }))
}

/**
 * Declares as outputs −log p of each label [R,1] and the first choice [R] (i64), block by block: results are computed in
 * the order they were made, and so a block's logits are gone before the next one's are made. `headScores` joins them.
 */
export function addHeadScores(graph: Graph, input: LossInput, blocks: number): void {
  const chosen = chosenLogit(graph, input)
  for (const [index, edges] of edgesOf(at(input.hidden.shape, 0), blocks).entries()) {
    const { logits, normalizer } = headBlock(graph, { ...input, hidden: rowsOf(graph, input.hidden, edges) })
    graph.output(outputName('nll', index), binary(graph, 'Sub', normalizer, rowsOf(graph, chosen, edges)))
    graph.output(outputName('choice', index), graph.apply('ArgMax', [logits], {}))
  }
}

/** −log p of each label in nats and the first choice: [R] each. */
export function headScores(outputs: ReadonlyMap<string, Data>): { nll: Float32Array; choice: BigInt64Array } {
  const parts: { nll: Float32Array; choice: BigInt64Array }[] = []
  do parts.push({ nll: floats(outputs, outputName('nll', parts.length)), choice: integers(outputs, outputName('choice', parts.length)) })
  while (outputs.has(outputName('nll', parts.length)))
  const rows = parts.reduce((sum, { nll }) => sum + nll.length, 0)
  const [nll, choice] = [new Float32Array(rows), new BigInt64Array(rows)]
  let start = 0
  for (const part of parts) {
    nll.set(part.nll, start)
    choice.set(part.choice, start)
    start += part.nll.length
  }
  return { nll, choice }
}

function outputName(name: string, block: number): string {
  return block === 0 ? name : `${name}.${block}`
}

interface Edges {
  start: number
  end: number
}

function edgesOf(rows: number, blocks: number): Edges[] {
  return Array.from({ length: blocks }, (_, block) => ({ start: Math.floor((rows * block) / blocks), end: Math.floor((rows * (block + 1)) / blocks) }))
}

function rowsOf(graph: Graph, value: Value, { start, end }: Edges): Value {
  return start === 0 && end === value.shape[0] ? value : slice(graph, value, { axis: 0, start, end })
}
