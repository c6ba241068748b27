/* Before a model is opened: does this machine hold the run? A run that would be killed for memory is refused with what it needs. */
import { totalmem } from 'node:os'
import type { ModelFacts } from '../../experiments/model-facts.js'
import { loraNeed, pretrainNeed, tooLarge, type TrainingNeed } from '../../experiments/training-need.js'
import type { LoraParameters, PretrainParameters } from '../../server/contracts/index.js'
import { openWeights } from '../engine/formats/weights.js'
import { readLlamaConfig } from '../engine/models/llama-config.js'
import { RunFailure } from '../run-context.js'

/** @throws {RunFailure} `memory_short` */
export function assertLoraFits(params: LoraParameters, modelFolder: string, haveBytes = totalmem()): void {
  const isHalf = [...openWeights(modelFolder).values()].some(({ dtype }) => dtype === 'BF16' || dtype === 'F16')
  const facts: ModelFacts = { ...readLlamaConfig(modelFolder), storedBytes: isHalf ? 2 : 4 }
  if (params.device === 'cpu') assertFits(loraNeed({ ...params }, facts), haveBytes)
}

/** @throws {RunFailure} `memory_short` */
export function assertPretrainFits(params: PretrainParameters, haveBytes = totalmem()): void {
  if (params.device === 'cpu') assertFits(pretrainNeed({ ...params }), haveBytes)
}

function assertFits(need: TrainingNeed, haveBytes: number): void {
  const why = tooLarge(need, { haveBytes, where: 'this machine' })
  if (why !== null) throw new RunFailure('memory_short', why)
}
