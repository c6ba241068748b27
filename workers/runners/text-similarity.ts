/* Cosines between texts, by a sentence encoder here or an endpoint's embeddings. A text is embedded once while it is among the latest. */
import type { Embedder } from '../../server/contracts/index.js'
import type { AccountedEmbeddings, EmbeddedText } from '../providers/accounted-embeddings.js'
import type { VectorMeasure } from '../scorers/assertions/check.js'

export interface TextSimilarity {
  /** @param took what the vectors of an endpoint took is added to it */
  cosine(left: string, right: string, took: EmbeddedText[]): Promise<number>
  /** Of the vectors: their cosine, their product, or the distance between their ends. */
  measure(how: VectorMeasure, texts: { left: string; right: string; took: EmbeddedText[] }): Promise<number>
  close(): Promise<void>
}

/** At 3,072 numbers each some 50 MB. */
const MOST_VECTORS = 4_096

interface Embedded {
  vector: Float32Array
  /** Null where nobody is paid. */
  took: EmbeddedText | null
}

interface Source {
  embed(text: string): Promise<Embedded>
  close(): Promise<void>
}

export async function openSimilarity(embedder: Embedder, { threads, openEndpoint }: { threads: number; openEndpoint: (embedder: Exclude<Embedder, string>) => AccountedEmbeddings }): Promise<TextSimilarity> {
  const source = typeof embedder === 'string' ? await openEncoder(threads) : fromEndpoint(openEndpoint(embedder))
  const vectors = new Map<string, Promise<Embedded>>()
  const vectorOf = async (text: string, took: EmbeddedText[]): Promise<Float32Array> => {
    const known = vectors.get(text)
    const embedding = known ?? source.embed(text)
    vectors.delete(text)
    vectors.set(text, embedding)
    const [oldest] = vectors.keys()
    if (vectors.size > MOST_VECTORS && oldest !== undefined) vectors.delete(oldest)
    // A call that failed may succeed for the next answer.
    if (known === undefined) embedding.catch(() => vectors.delete(text))
    const embedded = await embedding
    if (embedded.took !== null) took.push(known === undefined ? embedded.took : { ...embedded.took, cached: true })
    return embedded.vector
  }
  const measure = async (how: VectorMeasure, { left, right, took }: { left: string; right: string; took: EmbeddedText[] }): Promise<number> => {
    const [one, other] = await Promise.all([vectorOf(left, took), vectorOf(right, took)])
    return MEASURES[how](one, other)
  }
  return {
    cosine: (left, right, took) => measure('cosine', { left, right, took }),
    measure,
    close: () => source.close(),
  }
}

/** Loaded only where it is used: the encoder is large. */
async function openEncoder(threads: number): Promise<Source> {
  const { SentenceEncoder } = await import('../retrieval/sentence-encoder.js')
  const encoder = await SentenceEncoder.load(threads)
  return { embed: async (text) => ({ vector: await encoder.encode([text]), took: null }), close: () => encoder.dispose() }
}

function fromEndpoint(embeddings: AccountedEmbeddings): Source {
  return {
    embed: async (text) => {
      const { vector, ...took } = await embeddings.embed(text)
      return { vector, took }
    },
    close: () => Promise.resolve(),
  }
}

/** 0 where a vector has no length. */
function cosineOf(left: Float32Array, right: Float32Array): number {
  let [product, leftSquares, rightSquares] = [0, 0, 0]
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0
    product += value * other
    leftSquares += value * value
    rightSquares += other * other
  }
  const length = Math.sqrt(leftSquares) * Math.sqrt(rightSquares)
  return length === 0 ? 0 : product / length
}

function productOf(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0)
}

function distanceOf(left: Float32Array, right: Float32Array): number {
  return Math.sqrt(left.reduce((sum, value, index) => sum + (value - (right[index] ?? 0)) ** 2, 0))
}

const MEASURES: Readonly<Record<VectorMeasure, (left: Float32Array, right: Float32Array) => number>> = { cosine: cosineOf, dot: productOf, euclidean: distanceOf }
