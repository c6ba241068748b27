/**
 * One epoch over grade-school problems with loss on the answers only. The engine packs examples into rows and skips
 * head rows that are not learned; PyTorch pads batches of 8, as is usual. The rate is 0, so that both see the same
 * weights throughout and must find the same mean loss.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TrainingExample } from '../../../workers/engine/engine.js'
import { loadTokenizer } from '../../../workers/engine/formats/tokenizer.js'
import { interleave } from '../frame/rounds.js'
import { rootFolder, type Contestant } from '../frame/contestant.js'
import { shapeFolder, shapeNamed } from './shapes.js'
import type { TorchSetting } from './torch-settings.js'
import { askSteps, loraOptions, openOurs, openTorch, type TrainingJob } from './training.js'

const PEER_ROWS = 8
const MAX_LENGTH = 512
export const EPOCH_DATA = join(rootFolder, '../shared/data/gsm8k/test.jsonl')

export interface EpochResult {
  times: { ours: number[]; tuned: number[] }
  examples: number
  tokens: number
  losses: { ours: number; tuned: number }
}

export async function compareEpoch(tuned: TorchSetting, { count, rounds }: { count: number; rounds: number }): Promise<EpochResult> {
  const shape = shapeNamed('stories15M')
  const examples = problems(count)
  const options = loraOptions(shapeFolder(shape), { rank: shape.rank, batchSize: 2, maxLength: MAX_LENGTH, packing: true, learningRate: 0, weightDecay: 0 })
  const job: TrainingJob = { options, examples, peerBatches: paddedBatches(examples) }
  await using ours = await openOurs(job)
  await using torch = await openTorch(job, ours, tuned)
  const { stepsPerEpoch } = await ours.ask<{ stepsPerEpoch: number }>({ do: 'facts' })
  const losses = { ours: NaN, tuned: NaN }
  const supervised = job.peerBatches.map(([, labels]) => labels.flatMap((row) => row.slice(1)).filter((label) => label >= 0).length)
  const epoch = (name: 'ours' | 'tuned', contestant: Contestant) => async (): Promise<number> => {
    const answer = await askSteps(contestant, stepsPerEpoch)
    losses[name] = weightedMean(answer.losses, name === 'ours' ? answer.supervised : supervised)
    return answer.ms
  }
  const times = await interleave({ ours: epoch('ours', ours), tuned: epoch('tuned', torch) }, rounds)
  if (!(Math.abs(losses.ours / losses.tuned - 1) < 1e-4)) throw new Error(`the epoch's mean loss is ${losses.ours} here and ${losses.tuned} in PyTorch`)
  return { times, examples: examples.length, tokens: examples.reduce((sum, { tokens }) => sum + tokens.length, 0), losses }
}

function problems(count: number): TrainingExample[] {
  const tokenizer = loadTokenizer(join(rootFolder, 'models/nano-pt-en'))
  const lines = readFileSync(EPOCH_DATA, 'utf8').trim().split('\n')
  const all = lines.map((line, index): TrainingExample => {
    const { question, answer } = JSON.parse(line) as { question: string; answer: string }
    const [prompt, completion] = [tokenizer.encode(`${question}\n`), tokenizer.encode(answer, { addSpecialTokens: false })]
    return { id: String(index), tokens: [...prompt, ...completion], labels: [...prompt.map(() => -100), ...completion] }
  })
  return all.filter(({ tokens }) => tokens.length <= MAX_LENGTH).slice(0, count)
}

function paddedBatches(examples: readonly TrainingExample[]): TrainingJob['peerBatches'] {
  const batches: TrainingJob['peerBatches'] = []
  for (let start = 0; start < examples.length; start += PEER_ROWS) {
    const rows = examples.slice(start, start + PEER_ROWS)
    const length = Math.max(...rows.map(({ tokens }) => tokens.length))
    const pad = (values: ArrayLike<number>, filling: number): number[] => Array.from({ length }, (_, index) => values[index] ?? filling)
    batches.push([rows.map(({ tokens }) => pad(tokens, 0)), rows.map(({ labels }) => pad(labels, -100))])
  }
  return batches
}

function weightedMean(values: readonly number[], weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return values.reduce((sum, value, index) => sum + value * (weights[index] ?? NaN), 0) / total
}
