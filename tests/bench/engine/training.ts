/** Pairs of contestants that train the same adapter on the same model and tokens: the engine and PyTorch. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TrainerOptions, TrainingExample } from '../../../workers/engine/engine.js'
import { Random } from '../../../workers/engine/random.js'
import { Contestant, rootFolder } from '../frame/contestant.js'
import type { StepAnswer } from './ours.js'
import type { TorchSetting } from './torch-settings.js'

export interface TrainingJob {
  options: TrainerOptions
  examples: TrainingExample[]
  /** The same examples as the peer takes them: padded rows of token ids and labels, one pair per step. */
  peerBatches: [tokens: number[][], labels: number[][]][]
}

/** A step's worth of random tokens, all supervised. */
export function randomExamples({ rows, tokens, vocabSize }: { rows: number; tokens: number; vocabSize: number }): TrainingExample[] {
  return Array.from({ length: rows }, (_, row) => {
    const random = new Random(7, row)
    const ids = Array.from({ length: tokens }, () => random.uint32() % vocabSize)
    return { id: String(row), tokens: ids, labels: ids }
  })
}

export function loraOptions(folder: string, more: Partial<TrainerOptions> & { rank: number }): TrainerOptions {
  const { rank, ...rest } = more
  return {
    modelFolder: folder, lora: { rank, alpha: 2 * rank, dropout: 0, targetModules: ['all-linear'] }, learningRate: 1e-4, schedule: 'constant', warmupSteps: 0, totalSteps: 1_000_000,
    weightDecay: 0.01, maxGradNorm: 1, betas: [0.9, 0.999], eps: 1e-8, batchSize: 1, maxLength: 512, packing: false, seed: 1, threads: 2, device: 'cpu', ...rest,
  }
}

export async function openOurs({ options, examples }: TrainingJob): Promise<Contestant> {
  const ours = Contestant.node(new URL('./ours.js', import.meta.url))
  await ours.ask({ do: 'open', options, examples })
  return ours
}

/** PyTorch from the same weights: the adapter that `ours` has now is handed over as a PEFT folder. */
export async function openTorch({ options, peerBatches }: TrainingJob, ours: Contestant, setting: TorchSetting): Promise<Contestant> {
  const adapter = mkdtempSync(join(tmpdir(), 'bancada-bench-adapter-'))
  try {
    await ours.ask({ do: 'save', folder: adapter })
    const torch = new Contestant(PYTHON, [join(rootFolder, 'tests/bench/peers/torch_step.py')], setting.environment)
    const { learningRate, betas, eps, weightDecay, maxGradNorm, modelFolder: folder, lora } = options
    await torch.ask({ do: 'open', folder, adapter, lora, optimizer: { learningRate, betas, eps, weightDecay, maxGradNorm }, batches: peerBatches })
    return torch
  } finally {
    rmSync(adapter, { recursive: true })
  }
}

export const PYTHON = '/usr/bin/python3'

export function askSteps(contestant: Contestant, steps: number): Promise<StepAnswer> {
  return contestant.ask<StepAnswer>({ do: 'step', steps })
}
