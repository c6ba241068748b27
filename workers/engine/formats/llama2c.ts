// Converts a llama2.c checkpoint (version 0) and its tokenizer.bin into a Hugging Face model folder.
// llama2.c rotates neighbouring pairs of a head, Hugging Face its two halves, so the rows of the query and
// key projections are reordered; everything else is copied bit for bit.
// Formats: karpathy/llama2.c run.c (memory_map_weights, build_tokenizer) and export.py.

import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EngineError } from '../engine-error.js'
import { writeAtomically } from './file-bytes.js'
import { writeSafetensors, type TensorToWrite } from './safetensors.js'

const HEADER_BYTES = 28
const FIRST_BYTE_TOKEN = 3

interface Llama2cShape {
  hidden: number
  intermediate: number
  layers: number
  heads: number
  kvHeads: number
  vocabSize: number
  contextLength: number
  hasOwnHead: boolean
}

export interface ConvertLlama2cOptions {
  checkpointPath: string
  tokenizerPath: string
  folder: string
}

/** Writes config.json, model.safetensors, tokenizer.json and tokenizer_config.json into `folder`. Throws `weights_invalid` when sizes disagree. */
export function convertLlama2c({ checkpointPath, tokenizerPath, folder }: ConvertLlama2cOptions): void {
  const file = readFileSync(checkpointPath)
  const shape = readShape(checkpointPath, file)
  mkdirSync(folder, { recursive: true })
  writeSafetensors(join(folder, 'model.safetensors'), readTensors(checkpointPath, file, shape), { format: 'pt' })
  const pieces = readPieces(tokenizerPath, shape.vocabSize)
  const write = (name: string, value: unknown): void => writeAtomically(join(folder, name), [Buffer.from(JSON.stringify(value, null, 1) + '\n')])
  write('tokenizer.json', tokenizerJson(pieces))
  write('tokenizer_config.json', { tokenizer_class: 'LlamaTokenizer', bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>', clean_up_tokenization_spaces: false, model_max_length: shape.contextLength })
  write('config.json', configJson(shape))
}

function readShape(path: string, file: Buffer): Llama2cShape {
  if (file.length < HEADER_BYTES) throw invalid(path, `is ${file.length} bytes long, shorter than its header of ${HEADER_BYTES}`)
  const field = (index: number): number => file.readInt32LE(index * 4)
  const shape = {
    hidden: field(0), intermediate: field(1), layers: field(2), heads: field(3), kvHeads: field(4),
    vocabSize: Math.abs(field(5)), contextLength: field(6), hasOwnHead: field(5) < 0,
  }
  const { hidden, heads, kvHeads } = shape
  const isSane = [hidden, shape.intermediate, shape.layers, heads, kvHeads, shape.vocabSize, shape.contextLength].every((size) => size > 0 && size < 1e7)
  if (!isSane || hidden % (2 * heads) !== 0 || heads % kvHeads !== 0) throw invalid(path, `has an impossible header ${JSON.stringify(shape)}; only llama2.c version 0 files can be read`)
  return shape
}

function configJson(shape: Llama2cShape): unknown {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: shape.hidden,
    intermediate_size: shape.intermediate,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    head_dim: shape.hidden / shape.heads,
    vocab_size: shape.vocabSize,
    max_position_embeddings: shape.contextLength,
    rope_theta: 10000,
    rms_norm_eps: 1e-5,
    hidden_act: 'silu',
    tie_word_embeddings: !shape.hasOwnHead,
    attention_bias: false,
    bos_token_id: 1,
    eos_token_id: 2,
    torch_dtype: 'float32',
  }
}

function readTensors(path: string, file: Buffer, shape: Llama2cShape): Map<string, TensorToWrite> {
  const { hidden, intermediate, layers, heads, kvHeads, vocabSize, contextLength } = shape
  const headDim = hidden / heads
  const kvWidth = kvHeads * headDim
  const values = new Float32Array(new Uint8Array(file.subarray(HEADER_BYTES)).buffer)
  let position = 0
  const take = (...dims: number[]): Float32Array => {
    const count = dims.reduce((product, size) => product * size, 1)
    if (position + count > values.length) throw invalid(path, `ends at value ${values.length}, ${position + count} were due; it is truncated`)
    position += count
    return values.subarray(position - count, position)
  }
  const tensors = new Map<string, TensorToWrite>()
  const put = (name: string, dims: number[], data: Float32Array): void => { tensors.set(name, { dtype: 'F32', shape: dims, data }) }
  const putLayers = (name: string, dims: number[], reorder = (data: Float32Array): Float32Array => data): void => {
    for (let layer = 0; layer < layers; layer++) put(`model.layers.${layer}.${name}.weight`, dims, reorder(take(...dims)))
  }
  put('model.embed_tokens.weight', [vocabSize, hidden], take(vocabSize, hidden))
  putLayers('input_layernorm', [hidden])
  putLayers('self_attn.q_proj', [hidden, hidden], (data) => halveRotation(data, headDim, hidden))
  putLayers('self_attn.k_proj', [kvWidth, hidden], (data) => halveRotation(data, headDim, hidden))
  putLayers('self_attn.v_proj', [kvWidth, hidden])
  putLayers('self_attn.o_proj', [hidden, hidden])
  putLayers('post_attention_layernorm', [hidden])
  putLayers('mlp.gate_proj', [intermediate, hidden])
  putLayers('mlp.down_proj', [hidden, intermediate])
  putLayers('mlp.up_proj', [intermediate, hidden])
  put('model.norm.weight', [hidden], take(hidden))
  take(contextLength, headDim) // the rotary tables, cosines then sines; they follow from the config
  if (shape.hasOwnHead) put('lm_head.weight', [vocabSize, hidden], take(vocabSize, hidden))
  if (position !== values.length) throw invalid(path, `holds ${values.length} values, its header accounts for ${position}`)
  return tensors
}

/** Within each head, rows 0, 2, 4, … then 1, 3, 5, …: neighbouring pairs become pairs half a head apart. */
function halveRotation(rows: Float32Array, headDim: number, width: number): Float32Array {
  const reordered = new Float32Array(rows.length)
  for (let row = 0; row < rows.length / width; row++) {
    const inHead = row % headDim
    const target = row - inHead + (inHead % 2) * (headDim / 2) + Math.floor(inHead / 2)
    reordered.set(rows.subarray(row * width, (row + 1) * width), target * width)
  }
  return reordered
}

interface Piece {
  text: string
  score: number
}

function readPieces(path: string, vocabSize: number): Piece[] {
  const file = readFileSync(path)
  const pieces: Piece[] = []
  let position = 4 // the longest piece's length, needed only by readers with fixed buffers
  for (let id = 0; id < vocabSize; id++) {
    if (position + 8 > file.length) throw new EngineError('tokenizer_invalid', `${path} ends before token ${id} of ${vocabSize}`, { path })
    const score = file.readFloatLE(position)
    const length = file.readInt32LE(position + 4)
    pieces.push({ text: file.toString('utf8', position + 8, position + 8 + length).replaceAll(' ', '▁'), score })
    position += 8 + length
  }
  const control = ['<unk>', '<s>', '</s>']
  return pieces.map((piece, id) => ({ score: piece.score, text: control[id] ?? piece.text }))
}

/** SentencePiece merges the pair whose result scores highest, so every split of a piece into two pieces is a merge at that score. */
function mergesOf(pieces: readonly Piece[]): Array<[string, string]> {
  const firstPiece = FIRST_BYTE_TOKEN + 256
  const idOf = new Map(pieces.map((piece, id) => [piece.text, id]))
  const merges: Array<{ pair: [string, string]; score: number; ids: [number, number] }> = []
  for (const { text, score } of pieces.slice(firstPiece)) {
    const chars = [...text]
    for (let cut = 1; cut < chars.length; cut++) {
      const pair: [string, string] = [chars.slice(0, cut).join(''), chars.slice(cut).join('')]
      const ids: [number, number] = [idOf.get(pair[0]) ?? -1, idOf.get(pair[1]) ?? -1]
      if (ids.every((id) => id >= firstPiece)) merges.push({ pair, score, ids })
    }
  }
  return merges.sort((a, b) => b.score - a.score || a.ids[0] - b.ids[0] || a.ids[1] - b.ids[1]).map(({ pair }) => pair)
}

function tokenizerJson(pieces: readonly Piece[]): unknown {
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' }] },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null,
      fuse_unk: true, byte_fallback: true, ignore_merges: false,
      vocab: Object.fromEntries(pieces.map(({ text }, id) => [text, id])),
      merges: mergesOf(pieces),
    },
  }
}

function invalid(path: string, problem: string): EngineError {
  return new EngineError('weights_invalid', `llama2.c checkpoint ${path}: ${problem}`, { path })
}
