/** What decides how much a model of the Llama family takes: the sizes of its config.json, and how wide its weights are stored. */
export interface ModelFacts {
  hiddenSize: number
  intermediateSize: number
  layers: number
  heads: number
  kvHeads: number
  headDim: number
  vocabSize: number
  tieEmbeddings: boolean
  /** Bytes of a stored weight: 4 or 2. */
  storedBytes: number
}

const FAMILY = new Set(['llama', 'mistral', 'qwen2'])

/** Null where the fields are not those of a model that can be estimated. */
export function factsOfConfig(config: unknown, storedBytes: number): ModelFacts | null {
  if (typeof config !== 'object' || config === null) return null
  const fields: Readonly<Record<string, unknown>> = { ...config }
  const whole = (name: string): number => (Number.isInteger(fields[name]) && Number(fields[name]) > 0 ? Number(fields[name]) : NaN)
  const [hiddenSize, heads] = [whole('hidden_size'), whole('num_attention_heads')]
  const facts = {
    hiddenSize, heads,
    intermediateSize: whole('intermediate_size'),
    layers: whole('num_hidden_layers'),
    kvHeads: fields['num_key_value_heads'] === undefined || fields['num_key_value_heads'] === null ? heads : whole('num_key_value_heads'),
    headDim: fields['head_dim'] === undefined || fields['head_dim'] === null ? hiddenSize / heads : whole('head_dim'),
    vocabSize: whole('vocab_size'),
    storedBytes,
  }
  if (!FAMILY.has(String(fields['model_type'])) || Object.values(facts).some(Number.isNaN)) return null
  return { ...facts, tieEmbeddings: fields['tie_word_embeddings'] === true }
}

/** Inputs and outputs of the seven linear layers of a block, by name. */
export function linearSizes({ hiddenSize: D, intermediateSize: F, heads, kvHeads, headDim }: ModelFacts): Record<string, { in: number; out: number }> {
  const [Q, KV] = [heads * headDim, kvHeads * headDim]
  return {
    q_proj: { in: D, out: Q }, k_proj: { in: D, out: KV }, v_proj: { in: D, out: KV }, o_proj: { in: Q, out: D },
    gate_proj: { in: D, out: F }, up_proj: { in: D, out: F }, down_proj: { in: F, out: D },
  }
}

/** Weights of the linear layers, and all weights (norms included, biases left out: they are too few to matter). */
export function parameterCounts(model: ModelFacts): { linear: number; all: number } {
  const perLayer = Object.values(linearSizes(model)).reduce((sum, size) => sum + size.in * size.out, 0)
  const { layers, hiddenSize: D, vocabSize: V, tieEmbeddings } = model
  return { linear: layers * perLayer, all: layers * (perLayer + 2 * D) + D + V * D * (tieEmbeddings ? 1 : 2) }
}

/** Trainable numbers of a LoRA adapter: rank·(in + out) for each adapted layer. */
export function adapterCount(model: ModelFacts, { rank, targetModules }: { rank: number; targetModules: readonly string[] | string }): number {
  const isTarget = (name: string): boolean => (typeof targetModules === 'string' ? targetModules === 'all-linear' || new RegExp(`^(?:${targetModules})$`).test(`model.layers.0.self_attn.${name}`) || new RegExp(`^(?:${targetModules})$`).test(`model.layers.0.mlp.${name}`) : targetModules.includes('all-linear') || targetModules.includes(name))
  const perLayer = Object.entries(linearSizes(model)).reduce((sum, [name, size]) => sum + (isTarget(name) ? rank * (size.in + size.out) : 0), 0)
  return model.layers * perLayer
}
