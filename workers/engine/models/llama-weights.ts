/**
 * The weights of a model folder against its config.json: each that the architecture has, with its shape, and none that
 * it has not, since a tensor left out in silence is a model other than the one that was published.
 */
import type { LlamaConfig } from '../engine.js'
import { EngineError } from '../engine-error.js'
import { findNonFinite } from '../formats/non-finite.js'
import { equalTensors } from '../formats/safetensors.js'
import { openWeights, type WeightEntry } from '../formats/weights.js'
import { sameShape, type Shape } from '../tensor.js'
import { llamaWeightShapes } from './llama.js'

const HEAD = 'lm_head.weight'
const EMBEDDING = 'model.embed_tokens.weight'
/** Left by older conversions; it follows from the config. */
const COMPUTED = /^model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/
const readable = new Set(['F32', 'F16', 'BF16'])
/** Weights up to this size are searched for NaN and infinity when they are opened, larger ones when a result is not finite. */
const SCAN_LIMIT_BYTES = 256 * 1024 * 1024

/** Every weight of the model by Hugging Face name. Throws `weights_missing` or `weights_invalid`, naming tensor and mend. */
export function openLlamaWeights(folder: string, config: LlamaConfig): Map<string, WeightEntry> {
  const stored = openWeights(folder)
  const shapes = llamaWeightShapes(config)
  const weights = new Map<string, WeightEntry>()
  for (const [name, shape] of shapes) weights.set(name, wanted(folder, { name, shape, stored, config }))
  for (const [name, entry] of stored) {
    if (name === HEAD && config.tieEmbeddings) refuseOtherHead(folder, entry, weights)
    else if (!shapes.has(name) && !COMPUTED.test(name)) throw invalid(folder, `holds "${name}", which a model with this config.json does not have; the weights and the config are of different models, or the architecture is not supported`, name)
  }
  const totalBytes = [...weights.values()].reduce((sum, { begin, end }) => sum + end - begin, 0)
  if (totalBytes <= SCAN_LIMIT_BYTES) refuseNonFinite(weights)
  return weights
}

interface Wanted {
  name: string
  shape: Shape
  stored: ReadonlyMap<string, WeightEntry>
  config: LlamaConfig
}

function wanted(folder: string, { name, shape, stored, config }: Wanted): WeightEntry {
  const entry = stored.get(name)
  if (entry === undefined) throw missing(folder, { name, stored, config })
  if (!sameShape(entry.shape, shape)) throw invalid(folder, `"${name}" has shape [${entry.shape.join(', ')}], config.json implies [${shape.join(', ')}]`, name)
  if (!readable.has(entry.dtype)) throw invalid(folder, `"${name}" is stored as ${entry.dtype}; the engine reads F32, F16 and BF16`, name)
  return entry
}

function missing(folder: string, { name, stored, config }: Pick<Wanted, 'name' | 'stored' | 'config'>): EngineError {
  const first = stored.keys().next().value ?? 'nothing'
  const mend = name === HEAD && !config.tieEmbeddings
    ? 'config.json says (or leaves out, which means) tie_word_embeddings false, so the head needs a tensor of its own; if this model shares it with the embedding, set "tie_word_embeddings": true'
    : stored.has(name.replace(/^model\./, ''))
      ? `it holds "${name.replace(/^model\./, '')}": the model was saved without its language-model head; save it as a …ForCausalLM`
      : `config.json implies it; the model folder does not fit its config (it begins with "${first}")`
  return new EngineError('weights_missing', `the weights in ${folder} lack "${name}": ${mend}`, { folder, name })
}

/** Some tools write the head of a tied model again. It may be there if it is the embedding; otherwise config and weights contradict each other. */
function refuseOtherHead(folder: string, head: WeightEntry, weights: ReadonlyMap<string, WeightEntry>): void {
  const embedding = weights.get(EMBEDDING)
  if (embedding && sameShape(embedding.shape, head.shape) && equalTensors(embedding, head)) return
  throw invalid(folder, `"${HEAD}" differs from "${EMBEDDING}", but config.json says tie_word_embeddings true; set it to false if the model has a head of its own, or remove the tensor`, HEAD)
}

/** Throws `weights_invalid` naming the first tensor with a NaN or an infinity and where in it. Reads every byte. */
export function refuseNonFinite(weights: Iterable<readonly [string, WeightEntry]>): void {
  for (const [name, entry] of weights) {
    const found = findNonFinite(entry.file, entry)
    if (found) throw new EngineError('weights_invalid', `"${name}" in ${entry.file} holds ${found.kind} at [${found.place.join(', ')}]; the file is damaged or the training that wrote it diverged. Fetch it again or use an earlier checkpoint.`, { name, place: found.place })
  }
}

function invalid(folder: string, problem: string, name: string): EngineError {
  return new EngineError('weights_invalid', `the weights in ${folder}: ${problem}`, { folder, name })
}
