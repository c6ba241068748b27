/** A sweep over four ranks: one after the other on all cores, or as many at once as there are cores, a thread each. */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { interleave, timed } from '../frame/rounds.js'
import { shapeFolder, shapeNamed } from './shapes.js'
import { askSteps, loraOptions, openOurs, randomExamples, type TrainingJob } from './training.js'

const RANKS = [4, 8, 16, 32]
const STEPS = 8

/** Milliseconds of the whole sweep, both ways: each run from the start of its process to its saved adapter. */
export function compareSweep(rounds: number): Promise<{ oneByOne: number[]; sideBySide: number[] }> {
  const cores = availableParallelism()
  return interleave({ oneByOne: () => timed(() => sweep({ atOnce: 1, threads: cores })), sideBySide: () => timed(() => sweep({ atOnce: cores, threads: 1 })) }, rounds)
}

async function sweep({ atOnce, threads }: { atOnce: number; threads: number }): Promise<void> {
  const waiting = RANKS.map((rank) => jobOf(rank, threads))
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await train(job)
  }))
}

async function train(job: TrainingJob): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bancada-bench-sweep-'))
  try {
    await using run = await openOurs(job)
    await askSteps(run, STEPS)
    await run.ask({ do: 'save', folder })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function jobOf(rank: number, threads: number): TrainingJob {
  const shape = shapeNamed('stories15M')
  const examples = randomExamples({ rows: shape.rows, tokens: shape.tokens, vocabSize: shape.config.vocabSize })
  return { options: loraOptions(shapeFolder(shape), { rank, batchSize: shape.rows, maxLength: shape.tokens, threads }), examples, peerBatches: [] }
}
