/** What one training run needs, from its parameters and the facts of its model. Rows are taken at full length: an upper bound where examples are short. */
import { LoraParametersSchema, PARAMETERS_BY_KIND, PretrainParametersSchema, type Kind, type ParameterValue } from '../server/contracts/index.js'
import type { ModelFacts } from './model-facts.js'
import { stepFlops, totalBytes, trainingMemory, type TrainingMemory, type TrainingShape } from './training-memory.js'

export interface TrainingNeed {
  memory: TrainingMemory
  memoryBytes: number
  /** Floating-point operations of one optimizer step, all its accumulated batches together. */
  flopsPerStep: number
}

type Params = Readonly<Record<string, ParameterValue>>

/** Of a `lora` run over this model. */
export function loraNeed(params: Params, model: ModelFacts): TrainingNeed {
  const { method, rank, targetModules, dropout, batchSize, accumulationSteps, maxLength, gradientCheckpointing, baseDtype } = LoraParametersSchema.parse(params)
  return needOf(model, { batchSize, length: maxLength, lora: method === 'full' ? null : { rank, targetModules, dropout }, gradientCheckpointing, baseDtype }, accumulationSteps)
}

/** Of a `pretrain` run, whose parameters say the sizes of the model. */
export function pretrainNeed(params: Params): TrainingNeed {
  const { hiddenSize, intermediateSize, layers, heads, kvHeads, vocabSize, batchSize, accumulationSteps, maxLength, gradientCheckpointing } = PretrainParametersSchema.parse(params)
  const model: ModelFacts = { hiddenSize, intermediateSize, layers, heads, kvHeads, headDim: hiddenSize / heads, vocabSize, tieEmbeddings: true, storedBytes: 4 }
  return needOf(model, { batchSize, length: maxLength, lora: null, gradientCheckpointing, baseDtype: 'stored' }, accumulationSteps)
}

/** Null for kinds that do not train, for models that are not known here, and for stored parameters that are understood no longer. */
export function trainingNeedOf({ kind }: { kind: Kind }, params: Params, models: ReadonlyMap<string, ModelFacts> | undefined): TrainingNeed | null {
  if (!PARAMETERS_BY_KIND[kind].safeParse(params).success) return null
  if (kind === 'pretrain') return pretrainNeed(params)
  const model = kind === 'lora' ? models?.get(String(params['model'])) : undefined
  return model === undefined ? null : loraNeed(params, model)
}

/** Of one optimizer step of a training run. */
export function rowsPerStep(params: Params): number {
  return Number(params['batchSize']) * Number(params['accumulationSteps'])
}

function needOf(model: ModelFacts, shape: TrainingShape, batches: number): TrainingNeed {
  const memory = trainingMemory(model, shape)
  return { memory, memoryBytes: Math.round(totalBytes(memory)), flopsPerStep: batches * stepFlops(model, shape) }
}

/** Why a run cannot be held, and what would make it smaller; null where it fits. */
export function tooLarge(need: TrainingNeed, { haveBytes, where }: { haveBytes: number; where: string }): string | null {
  if (need.memoryBytes <= haveBytes) return null
  const parts = Object.entries(need.memory).filter(([, bytes]) => bytes > 0).map(([name, bytes]) => `${name} ${gigabytes(bytes)}`)
  return `this run needs about ${gigabytes(need.memoryBytes)} of memory (${parts.join(', ')}), and ${where} has ${gigabytes(haveBytes)}; set gradientCheckpointing: true, a smaller batchSize (with more accumulationSteps) or maxLength, or baseDtype: nf4`
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 1e8 ? 3 : 1)} GB`
}

export interface HeldNeed {
  need: TrainingNeed
  /** Names the frozen weights that it maps; null where it has none. */
  weights: string | null
}

/** Bytes of runs side by side: frozen weights that several of them map are in memory once. */
export function memoryTogether(runs: readonly HeldNeed[]): number {
  const seen = new Set<string>()
  return runs.reduce((sum, { need, weights }) => {
    const isShared = weights !== null && seen.has(weights)
    if (weights !== null) seen.add(weights)
    return sum + need.memoryBytes - (isShared ? need.memory.weights : 0)
  }, 0)
}
