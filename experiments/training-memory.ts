/**
 * What training a model takes, from its sizes alone: bytes at the peak by what they are for, and floating-point
 * operations. The activations follow the graphs the engine compiles and ONNX Runtime's planner, which keeps a buffer
 * for the next tensor of its shape (held to both by a test); the rest was measured on whole processes.
 */
import { adapterCount, linearSizes, parameterCounts, type ModelFacts } from './model-facts.js'

export type BaseDtype = 'stored' | 'f32' | 'bf16' | 'f16' | 'int8' | 'int4' | 'nf4'

/** Bits of a weight in a linear layer, the scale of its block included. */
const QUANTIZED_BITS: Partial<Record<BaseDtype, number>> = { int8: 8.5, int4: 5, nf4: 4.5 }
const PLAIN_BYTES: Partial<Record<BaseDtype, number>> = { f32: 4, bf16: 2, f16: 2 }

export interface TrainingShape {
  /** Rows computed at once, and tokens in each, padding included. */
  batchSize: number
  length: number
  /** null trains every weight. */
  lora: { rank: number; targetModules: readonly string[] | string; dropout: number } | null
  gradientCheckpointing: boolean
  baseDtype: BaseDtype
}

export interface TrainingMemory {
  /** Node, ONNX Runtime and the program itself, before a model is opened. */
  process: number
  weights: number
  /** Copies of small models' weights in the layout that the kernels like best. */
  repacked: number
  activations: number
  gradients: number
  /** Trained numbers and their two moments. */
  optimizer: number
}

const MIB = 2 ** 20
const PROCESS_BYTES = 165 * MIB
/** As in the engine: f32 weights of models up to this size are repacked, for each of two directions. */
const REPACK_LIMIT_BYTES = 256 * MIB
const REPACKED_COPIES = 2
/** As in the engine: what answers beside a trainer holds weights of its own up to the first size, and keeps them while training goes on up to the second. */
const ANSWERING_LIMIT_BYTES = 128 * MIB
const KEPT_LIMIT_BYTES = 64 * MIB
/** As in the engine: a head in 16 bits is widened whole up to the first size, else a piece of the second at a time. */
const WHOLE_HEAD_BYTES = 128 * MIB
const HEAD_PIECE_BYTES = 16 * MIB
/** Tokens of a prompt that go through at once. */
const LONGEST_CHUNK = 512
/** The arena's fragments, beyond what the planner asks for. */
const ARENA_FACTOR = 1.05
/** A gradient leaves the session as a copy, and the one before may not be collected yet. */
const GRADIENT_COPIES = 2

/** Memory to serve P weights of Q bits: P·4/(32/Q)·1.2, in bytes: weights, and a fifth on top for everything else. */
export function servingBytes(parameters: number, bits: number): number {
  return ((parameters * 4) / (32 / bits)) * 1.2
}

/** Bytes of the weights as they are held. */
export function weightBytes(model: ModelFacts, baseDtype: BaseDtype): number {
  const { linear, all } = parameterCounts(model)
  const bits = QUANTIZED_BITS[baseDtype]
  if (bits !== undefined) return (linear * bits) / 8 + (all - linear) * model.storedBytes
  return all * (PLAIN_BYTES[baseDtype] ?? model.storedBytes)
}

/** The number of tensors that one layer keeps for the backward pass, and the sizes they are counted in: all in elements. */
function layerElements(model: ModelFacts, { batchSize, length, lora }: TrainingShape): { saved: number; working: number; scores: number } {
  const { hiddenSize: D, intermediateSize: F, heads, kvHeads, headDim } = model
  const [N, Q, KV] = [batchSize * length, heads * headDim, kvHeads * headDim]
  // Attention goes block by block of queries, each with the keys its last row sees.
  const block = Math.max(64, Math.ceil(length / 8))
  let seen = 0
  for (let begin = 0; begin < length; begin += block) seen += Math.min(block, length - begin) * Math.min(length, begin + block)
  const [scores, keys] = [batchSize * heads * seen, KV * (Math.ceil(length / block) + 1)]
  const adapters = lora === null ? 0 : 14 * lora.rank + (lora.dropout > 0 ? 5 * D + 2 * Q + F : 0)
  return { saved: N * (6 * D + 4 * F + 2 * Q + keys + adapters) + scores, working: N * (3 * F + 5 * D + 3 * Q + keys / 2) + 3 * scores, scores }
}

/** Bytes of intermediate results at the peak of a training step, for a loss over every position. */
export function activationBytes(model: ModelFacts, shape: TrainingShape): number {
  const { hiddenSize: D, vocabSize: V, layers: L } = model
  const N = shape.batchSize * shape.length
  const { saved, working, scores } = layerElements(model, shape)
  const trained = trainedCount(model, shape)
  const headGradient = shape.lora === null ? V * D : 0
  // At the head: what the layers left, and two matrices of the logits that are held at once.
  const head = 3 * N * D + 2 * headRows(N, model, shape) * V
  const layer = saved + working + scores
  const end = shape.lora === null ? trained + 3 * V * D + 4 * N * D : 0
  const elements = shape.gradientCheckpointing
    ? Math.max(L * N * D + layer + trained, L * N * D + head + 0.45 * layer, end)
    : Math.max(L * saved + head + headGradient, L * saved + working + 0.1 * trained, end)
  return 4 * elements + widenedBytes(model, shape)
}

/** Over a frozen head the rows are taken in blocks of at most 256 where they would make more than 4 Mi logits. */
function headRows(rows: number, { vocabSize }: ModelFacts, { lora }: TrainingShape): number {
  return lora === null || rows * vocabSize <= 2 ** 22 ? rows : Math.ceil(rows / Math.ceil(rows / 256))
}

/** Stored weights that are not f32 are widened where they are used: one of each shape at a time, and the head. */
function widenedBytes(model: ModelFacts, { lora, baseDtype }: TrainingShape): number {
  if (lora === null) return 0
  const isQuantized = QUANTIZED_BITS[baseDtype] !== undefined
  const plain = PLAIN_BYTES[baseDtype] ?? model.storedBytes
  const wholeHead = 4 * model.vocabSize * model.hiddenSize
  const headBytes = (isQuantized ? model.storedBytes : plain) === 4 ? 0 : wholeHead > WHOLE_HEAD_BYTES ? HEAD_PIECE_BYTES : wholeHead
  if (!isQuantized && plain === 4) return 0
  const sizes = linearSizes(model)
  const shapes = [sizes['up_proj'], sizes['down_proj'], sizes['q_proj'], sizes['k_proj']].reduce((sum, size) => sum + (size === undefined ? 0 : size.in * size.out), 0)
  return headBytes + shapes * (baseDtype === 'nf4' ? 9 : 4)
}

function trainedCount(model: ModelFacts, { lora }: TrainingShape): number {
  return lora === null ? parameterCounts(model).all : adapterCount(model, lora)
}

/** At the run's worst moment: while it trains, or while it answers samples and the test with what the trainer gave back. */
export function trainingMemory(model: ModelFacts, shape: TrainingShape): TrainingMemory {
  const moments = [whileTraining(model, shape), whileAnswering(model, shape)]
  return moments.reduce((worst, moment) => (totalBytes(moment) > totalBytes(worst) ? moment : worst))
}

function whileTraining(model: ModelFacts, shape: TrainingShape): TrainingMemory {
  const trained = trainedCount(model, shape)
  const weights = shape.lora === null ? 0 : weightBytes(model, shape.baseDtype)
  const plain = shape.lora === null ? 0 : plainBytes(model, shape.baseDtype)
  const repacked = weights <= REPACK_LIMIT_BYTES ? REPACKED_COPIES * plain : 0
  const answering = answeringWeights(model, shape)
  const isKept = shape.lora !== null && answering <= KEPT_LIMIT_BYTES
  return {
    process: PROCESS_BYTES,
    // What is repacked is read once and need not stay in memory, unless whoever answers reads it too.
    weights: repacked > 0 && !isKept ? weights - plain : weights,
    repacked: repacked + (isKept ? answering : 0),
    activations: activationBytes(model, shape) * ARENA_FACTOR,
    gradients: 4 * trained * GRADIENT_COPIES,
    optimizer: 12 * trained,
  }
}

/** A trained model is read from its checkpoint. */
function whileAnswering(model: ModelFacts, shape: TrainingShape): TrainingMemory {
  const trained = trainedCount(model, shape)
  const tokens = Math.min(LONGEST_CHUNK, shape.length)
  const { hiddenSize: D, intermediateSize: F, heads, headDim, kvHeads, layers, vocabSize: V } = model
  const { scores } = layerElements(model, { ...shape, batchSize: 1, length: tokens })
  const logits = 3 * headRows(tokens, model, { ...shape, lora: { rank: 1, targetModules: [], dropout: 0 } }) * V
  // The cache, its copy among those that are continued together, and keys and values as a pass returns them.
  const cached = 3 * 2 * layers * kvHeads * headDim * shape.length
  const repacked = answeringWeights(model, shape)
  return {
    process: PROCESS_BYTES,
    weights: shape.lora === null ? 4 * parameterCounts(model).all : weightBytes(model, shape.baseDtype),
    repacked,
    activations: 4 * (tokens * (5 * D + 3 * F + 3 * heads * headDim) + 3 * scores + logits + cached) + (repacked > 0 && QUANTIZED_BITS[shape.baseDtype] === undefined ? 0 : widenedBytes(model, shape)),
    gradients: 0,
    // The adapter once more, as it is fed.
    optimizer: 12 * trained + (shape.lora === null ? 0 : 8 * trained),
  }
}

/** Of the weights, those in f32: what kernels can repack. */
function plainBytes(model: ModelFacts, baseDtype: BaseDtype): number {
  const { linear, all } = parameterCounts(model)
  if (QUANTIZED_BITS[baseDtype] !== undefined) return model.storedBytes === 4 ? 4 * (all - linear) : 0
  return (PLAIN_BYTES[baseDtype] ?? model.storedBytes) === 4 ? 4 * all : 0
}

/** Weights that whoever answers holds for decoding: all in f32, of quantised ones those that are f32 in any case, and int4 codes once more. */
function answeringWeights(model: ModelFacts, { lora, baseDtype }: TrainingShape): number {
  const { linear, all } = parameterCounts(model)
  const isQuantized = lora !== null && QUANTIZED_BITS[baseDtype] !== undefined
  const bytes = isQuantized ? plainBytes(model, baseDtype) : 4 * all
  if (bytes > ANSWERING_LIMIT_BYTES) return 0
  return bytes + (isQuantized && baseDtype === 'int4' ? (linear * 5) / 8 : 0)
}

export function totalBytes(memory: TrainingMemory): number {
  return Object.values(memory).reduce((sum: number, part: number) => sum + part, 0)
}

/**
 * Floating-point operations of one training step: 2 for each weight and token forward; as many again for the gradient of
 * the inputs, and again for that of the weights where they are trained (Kaplan et al. 2020, arXiv:2001.08361, gives 6 in
 * all); 4·T·heads·headDim a token for the causal half of the scores and their sums, three times over; and the forward pass of the layers
 * once more with recomputation.
 */
export function stepFlops(model: ModelFacts, shape: TrainingShape): number {
  const { linear } = parameterCounts(model)
  const tokens = shape.batchSize * shape.length
  const head = model.vocabSize * model.hiddenSize
  const attention = 2 * shape.length * model.heads * model.headDim * model.layers
  const adapter = shape.lora === null ? 0 : adapterCount(model, shape.lora)
  const passes = shape.lora === null ? 3 : 2
  const again = shape.gradientCheckpointing ? 2 * linear + attention + 2 * adapter : 0
  return tokens * (2 * passes * (linear + head) + 6 * adapter + 3 * attention + again)
}
