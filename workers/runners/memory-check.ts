/* Before a model is opened: does this machine hold the run? A run that would be killed for memory is refused with what it needs. */
import { readFileSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { factsOfConfig } from '../../experiments/model-facts.js'
import { loraNeed, pretrainNeed, tooLarge, type TrainingNeed } from '../../experiments/training-need.js'
import type { LoraParameters, PretrainParameters } from '../../server/contracts/index.js'
import { openWeights } from '../engine/formats/weights.js'
import { RunFailure } from '../run-context.js'

/** @throws {RunFailure} `memory_short` */
export function assertLoraFits(params: LoraParameters, modelFolder: string, haveBytes = totalmem()): void {
  const config: unknown = JSON.parse(readFileSync(join(modelFolder, 'config.json'), 'utf8'))
  const isHalf = [...openWeights(modelFolder).values()].some(({ dtype }) => dtype === 'BF16' || dtype === 'F16')
  const facts = factsOfConfig(config, isHalf ? 2 : 4)
  if (facts !== null && params.device === 'cpu') assertFits(loraNeed({ ...params }, facts), haveBytes)
}

/** @throws {RunFailure} `memory_short` */
export function assertPretrainFits(params: PretrainParameters, haveBytes = totalmem()): void {
  if (params.device === 'cpu') assertFits(pretrainNeed({ ...params }), haveBytes)
}

function assertFits(need: TrainingNeed, haveBytes: number): void {
  const why = tooLarge(need, { haveBytes, where: 'this machine' })
  if (why !== null) throw new RunFailure('memory_short', why)
}
