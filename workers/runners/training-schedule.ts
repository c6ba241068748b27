/* How many optimizer steps a training run takes, and over how many of them its rate rises: the same for every kind that trains. */
import type { LoraParameters, PretrainParameters } from '../../server/contracts/index.js'
import type { RunReport } from '../run-context.js'

/** Updates of one pass over the rows; the last one may be smaller. */
export function stepsPerEpoch(rows: number, { batchSize, accumulationSteps }: Pick<LoraParameters, 'batchSize' | 'accumulationSteps'>): number {
  return Math.ceil(rows / (batchSize * accumulationSteps))
}

/**
 * Optimizer steps of warm-up: ⌈totalSteps · warmupRatio⌉ where a ratio is given, as in Hugging Face's Trainer.
 * A warm-up longer than the run is cut to the run, aloud: defaults must not refuse a short trial.
 */
export function warmupOf(params: Pick<PretrainParameters, 'warmupSteps' | 'warmupRatio'>, totalSteps: number, report: Pick<RunReport, 'log'>): number {
  if (params.warmupRatio !== undefined) return Math.ceil(totalSteps * params.warmupRatio)
  if (params.warmupSteps > totalSteps) report.log('warn', `warmupSteps ${params.warmupSteps} is more than the ${totalSteps} steps of this run; the rate rises over all of them`)
  return Math.min(params.warmupSteps, totalSteps)
}
