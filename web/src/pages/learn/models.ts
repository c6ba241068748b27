/** Sizes of a few open models, as their config.json gives them, to estimate with. */
import type { ModelFacts } from '../../../../experiments/model-facts.js'

export interface KnownModel {
  id: string
  name: string
  facts: ModelFacts
}

const facts = (sizes: Omit<ModelFacts, 'headDim' | 'storedBytes'> & { headDim?: number }): ModelFacts => ({ headDim: sizes.hiddenSize / sizes.heads, storedBytes: 2, ...sizes })

export const KNOWN_MODELS: readonly KnownModel[] = [
  { id: 'smollm2-135m', name: 'SmolLM2 135M', facts: facts({ hiddenSize: 576, intermediateSize: 1536, layers: 30, heads: 9, kvHeads: 3, vocabSize: 49_152, tieEmbeddings: true }) },
  { id: 'qwen2.5-0.5b', name: 'Qwen2.5 0.5B', facts: facts({ hiddenSize: 896, intermediateSize: 4864, layers: 24, heads: 14, kvHeads: 2, vocabSize: 151_936, tieEmbeddings: true }) },
  { id: 'llama-3.2-1b', name: 'Llama 3.2 1B', facts: facts({ hiddenSize: 2048, intermediateSize: 8192, layers: 16, heads: 32, kvHeads: 8, vocabSize: 128_256, tieEmbeddings: true }) },
  { id: 'mistral-7b', name: 'Mistral 7B', facts: facts({ hiddenSize: 4096, intermediateSize: 14_336, layers: 32, heads: 32, kvHeads: 8, vocabSize: 32_000, tieEmbeddings: false }) },
  { id: 'llama-3.1-8b', name: 'Llama 3.1 8B', facts: facts({ hiddenSize: 4096, intermediateSize: 14_336, layers: 32, heads: 32, kvHeads: 8, vocabSize: 128_256, tieEmbeddings: false }) },
  { id: 'llama-3.1-70b', name: 'Llama 3.1 70B', facts: facts({ hiddenSize: 8192, intermediateSize: 28_672, layers: 80, heads: 64, kvHeads: 8, vocabSize: 128_256, tieEmbeddings: false }) },
]
