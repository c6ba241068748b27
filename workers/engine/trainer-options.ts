/** Refuses training options that cannot work, by name, before anything is loaded. */
import { EngineError } from './engine-error.js'
import type { LlamaConfig, TrainerOptions } from './engine.js'

export function checkTrainerOptions(options: TrainerOptions, config: LlamaConfig): void {
  for (const name of ['batchSize', 'maxLength', 'totalSteps', 'threads'] as const) {
    if (!Number.isInteger(options[name]) || options[name] < 1) throw invalid(name, options[name], 'it must be a whole number of 1 or more')
  }
  const { accumulationSteps = 1 } = options
  if (!Number.isInteger(accumulationSteps) || accumulationSteps < 1) throw invalid('accumulationSteps', accumulationSteps, 'it must be a whole number of 1 or more')
  for (const name of ['weightDecay', 'maxGradNorm', 'learningRate'] as const) {
    if (!Number.isFinite(options[name]) || options[name] < 0) throw invalid(name, options[name], 'it must be a number of 0 or more')
  }
  if (!Number.isInteger(options.warmupSteps) || options.warmupSteps < 0 || options.warmupSteps > options.totalSteps) throw invalid('warmupSteps', options.warmupSteps, `it must be a whole number from 0 to totalSteps, ${options.totalSteps}`)
  if (!Number.isSafeInteger(options.seed)) throw invalid('seed', options.seed, 'it must be a whole number')
  if (!options.betas.every((beta) => beta >= 0 && beta < 1)) throw invalid('betas', options.betas, 'both must be in [0, 1)')
  const { labelSmoothing = 0 } = options
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) throw invalid('labelSmoothing', labelSmoothing, 'it must be in [0, 1)')
  if (!(options.eps > 0)) throw invalid('eps', options.eps, 'it must be above 0')
  if (options.maxLength > config.maxPositions) throw invalid('maxLength', options.maxLength, `the model reads at most ${config.maxPositions} tokens (max_position_embeddings)`)
  const { lora } = options
  if (lora === null && options.base !== undefined && options.base.dtype !== 'stored') throw invalid('base', options.base.dtype, 'it is the number format of frozen weights, and with lora: null every weight is trained, in f32')
  if (lora === null) return
  if (options.config) throw invalid('config', 'given', 'a model that starts from nothing has no weights an adapter could adapt; use lora: null')
  if (!(lora.dropout >= 0 && lora.dropout < 1)) throw invalid('lora.dropout', lora.dropout, 'it must be in [0, 1)')
  const { loraPlusRatio = 1 } = lora
  if (!(loraPlusRatio > 0) || !Number.isFinite(loraPlusRatio)) throw invalid('lora.loraPlusRatio', loraPlusRatio, 'it must be a number above 0')
  if (!(lora.alpha > 0) || !Number.isFinite(lora.alpha)) throw invalid('lora.alpha', lora.alpha, 'it must be a number above 0')
}

function invalid(field: string, value: unknown, mend: string): EngineError {
  return new EngineError('input_invalid', `${field} is ${JSON.stringify(value)}; ${mend}`, { field, value })
}
