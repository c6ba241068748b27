/** Softmax attention with grouped query heads, written as a graph. */
import type { Graph } from '../graph.js'
import { binary } from '../ops/elementwise.js'
import { concat, reshape, slice, transpose } from '../ops/layout.js'
import { at } from '../ops/operator.js'
import { matMul } from '../ops/products.js'
import type { Value } from '../tensor.js'

/** Smaller blocks save more of what the mask would hide, and cost more operators than that is worth. */
const SMALLEST_BLOCK = 64
/** As many parts as one Concat takes. */
const MOST_BLOCKS = 8

/** A block of query positions and the keys that the last of them sees. */
export interface MaskBlock {
  /** Query positions begin … end − 1. */
  begin: number
  end: number
  /** Keys 0 … keys − 1. */
  keys: number
  /** Added to the scores: 0 where attended, very negative where not; broadcasts to [B,K,G,end − begin,keys]. */
  mask: Value
}

/**
 * Cuts a mask [.., T, S] into blocks of rows. No row t sees a key beyond S − T + t, so a block needs no scores beyond
 * the keys its last row sees: with many blocks, half the scores are never computed.
 */
export function maskBlocks(graph: Graph, mask: Value): MaskBlock[] {
  const [rank, T, S] = [mask.shape.length, at(mask.shape, -2), at(mask.shape, -1)]
  const size = Math.max(SMALLEST_BLOCK, Math.ceil(T / MOST_BLOCKS))
  const blocks: MaskBlock[] = []
  for (let begin = 0; begin < T; begin += size) {
    const end = Math.min(begin + size, T)
    const keys = S - T + end
    const rows = slice(graph, mask, { axis: rank - 2, start: begin, end })
    blocks.push({ begin, end, keys, mask: slice(graph, rows, { axis: rank - 1, start: 0, end: keys }) })
  }
  return blocks
}

/**
 * softmax(query·keysᵀ + mask)·values. query [B,H,T,d], already scaled; keys and values [B,K,S,d] → [B,H,T,d].
 * The G = H/K query heads that share a key head are stacked along T, so keys and values are never repeated.
 */
export function attend(graph: Graph, { query, keys, values }: { query: Value; keys: Value; values: Value }, blocks: readonly MaskBlock[]): Value {
  const [B, H, T, d] = [at(query.shape, 0), at(query.shape, 1), at(query.shape, 2), at(query.shape, 3)]
  const K = at(keys.shape, 1)
  const G = H / K
  const grouped = reshape(graph, query, [B, K, G, T, d])
  const parts = blocks.map((block) => {
    const rows = block.end - block.begin
    const part = slice(graph, grouped, { axis: 3, start: block.begin, end: block.end })
    const seen = (whole: Value): Value => slice(graph, whole, { axis: 2, start: 0, end: block.keys })
    const stacked = reshape(graph, part, [B, K, G * rows, d])
    // Of the two, the smaller is transposed: one new token must not turn a whole cache over.
    const scores = rows === 1 ? transpose(graph, matMul(graph, seen(keys), stacked, { transB: true }), [0, 1, 3, 2]) : matMul(graph, stacked, seen(keys), { transB: true })
    const masked = binary(graph, 'Add', reshape(graph, scores, [B, K, G, rows, block.keys]), block.mask)
    const weights = graph.apply('Softmax', [masked], {})
    return reshape(graph, matMul(graph, reshape(graph, weights, [B, K, G * rows, block.keys]), seen(values)), [B, K, G, rows, d])
  })
  return reshape(graph, parts.length === 1 ? at(parts, 0) : concat(graph, parts, 3), [B, H, T, d])
}
