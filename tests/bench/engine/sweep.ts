/** A sweep over four ranks: one after the other on all cores, or as many at once as there are cores, a thread each. */
import { availableParallelism } from 'node:os'
import { interleave, timed } from '../frame/rounds.js'
import type { Contestant } from '../frame/contestant.js'
import { shapeFolder, shapeNamed } from './shapes.js'
import { askSteps, loraOptions, openOurs, randomExamples } from './training.js'

const RANKS = [4, 8, 16, 32]
const STEPS = 3

/** Milliseconds of the whole sweep, both ways. The processes are warm: what is compared is the training. */
export async function compareSweep(rounds: number): Promise<{ oneByOne: number[]; sideBySide: number[] }> {
  await using open = new AsyncDisposableStack()
  const cores = availableParallelism()
  const [whole, narrow] = [await openAll(cores, open), await openAll(1, open)]
  const oneByOne = (): Promise<number> => timed(async () => {
    for (const run of whole) await askSteps(run, STEPS)
  })
  const sideBySide = (): Promise<number> => timed(async () => {
    const waiting = [...narrow]
    await Promise.all(Array.from({ length: cores }, async () => {
      for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) await askSteps(run, STEPS)
    }))
  })
  return await interleave({ oneByOne, sideBySide }, rounds)
}

async function openAll(threads: number, open: AsyncDisposableStack): Promise<Contestant[]> {
  const shape = shapeNamed('stories15M')
  const examples = randomExamples({ rows: shape.rows, tokens: shape.tokens, vocabSize: shape.config.vocabSize })
  const runs: Contestant[] = []
  for (const rank of RANKS) {
    const options = loraOptions(shapeFolder(shape), { rank, batchSize: shape.rows, maxLength: shape.tokens, threads })
    runs.push(open.use(await openOurs({ options, examples, peerBatches: [] })))
  }
  return runs
}
