/* Cosines between texts, by a sentence encoder here or an endpoint's embeddings. A text is embedded once while it is among the latest. */
import type { Embedder } from '../../server/contracts/index.js'
import type { EmbeddingModel } from '../providers/embeddings.js'

export interface TextSimilarity {
  cosine(left: string, right: string): Promise<number>
  close(): Promise<void>
}

/** At 3,072 numbers each some 50 MB. */
const MOST_VECTORS = 4_096

interface Source {
  embed(text: string): Promise<Float32Array>
  close(): Promise<void>
}

export async function openSimilarity(embedder: Embedder, { threads, openEndpoint }: { threads: number; openEndpoint: (embedder: Exclude<Embedder, string>) => EmbeddingModel }): Promise<TextSimilarity> {
  const source = typeof embedder === 'string' ? await openEncoder(threads) : fromEndpoint(openEndpoint(embedder))
  const vectors = new Map<string, Promise<Float32Array>>()
  const vectorOf = (text: string): Promise<Float32Array> => {
    const known = vectors.get(text) ?? source.embed(text)
    vectors.delete(text)
    vectors.set(text, known)
    const [oldest] = vectors.keys()
    if (vectors.size > MOST_VECTORS && oldest !== undefined) vectors.delete(oldest)
    return known
  }
  return {
    cosine: async (left, right) => cosineOf(await vectorOf(left), await vectorOf(right)),
    close: () => source.close(),
  }
}

/** Loaded only where it is used: the encoder is large. */
async function openEncoder(threads: number): Promise<Source> {
  const { SentenceEncoder } = await import('../retrieval/sentence-encoder.js')
  const encoder = await SentenceEncoder.load(threads)
  return { embed: (text) => encoder.encode([text]), close: () => encoder.dispose() }
}

function fromEndpoint(model: EmbeddingModel): Source {
  return {
    embed: async (text) => {
      const [vector] = (await model.embed([text])).vectors
      if (vector === undefined) throw new RangeError(`${model.name} gave no vector`)
      return vector
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
