/** Files to start from, small enough to run in minutes on a laptop. */
import { say } from '../../i18n.js'

export interface Starter {
  id: string
  label: string
  text: string
}

const PROMPT = `name: Few-shot counts on spam
kind: prompt
dataset: spam
model: nano-pt-en
axes:
  shots: [0, 2, 4]
fixed:
  template: "{{ input[:100] }}\\nLabel:"
  limit: 100
metrics: [accuracy, loss]
seed: 42
`

const LORA = `name: LoRA rank sweep
kind: lora
dataset: spam
model: nano-pt-en
axes:
  rank: [4, 16]
fixed:
  template: "{{ input[:160] }}\\nLabel:"
  completion: " {{ target }}"
  learningRate: 0.003
  steps: 120
  batchSize: 4
  maxLength: 128
  evalEvery: 24
  evalLimit: 80
  testLimit: 100
metrics: [accuracy, loss]
seed: 42
`

const RAG = `name: Chunk sizes
kind: rag
dataset: sotu
axes:
  chunkSize: [400, 800]
  k: [3, 5, 10]
metrics: [ndcg, recall]
seed: 42
`

export const starters = (): Starter[] => [
  { id: 'prompt', label: say('Prompts and few-shot', 'Prompts e few-shot'), text: PROMPT },
  { id: 'lora', label: say('Fine-tuning with LoRA', 'Ajuste fino com LoRA'), text: LORA },
  { id: 'rag', label: say('Retrieval (RAG)', 'Recuperação (RAG)'), text: RAG },
]
