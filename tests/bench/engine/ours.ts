/* Our side of the training benches, in a process of its own: answers JSON lines on standard input. */
import type { Trainer, TrainerOptions, TrainingExample } from '../../../workers/engine/engine.js'
import { compile } from '../../../workers/engine/executors/executor.js'
import { Graph } from '../../../workers/engine/graph.js'
import { gemm } from '../../../workers/engine/ops/products.js'
import { createTrainer } from '../../../workers/engine/trainer.js'
import { serveRequests } from '../frame/contestant.js'
import { timed } from '../frame/rounds.js'

export type OursRequest =
  | { do: 'open'; options: TrainerOptions; examples: TrainingExample[] }
  | { do: 'save'; folder: string }
  | { do: 'step'; steps: number }
  | { do: 'facts' }
  | { do: 'probe'; threads: number }

export interface StepAnswer {
  ms: number
  losses: number[]
  /** Supervised tokens of each step. */
  supervised: number[]
}

let trainer: Trainer | null = null

await serveRequests<OursRequest>(async (request) => {
  if (request.do === 'probe') return { gflops: await bestGflops(request.threads) }
  if (request.do === 'open') {
    trainer = await createTrainer(request.options, request.examples)
    return {}
  }
  if (trainer === null) throw new Error('open comes first')
  if (request.do === 'save') {
    await trainer.save(request.folder)
    return {}
  }
  if (request.do === 'facts') return { stepsPerEpoch: trainer.stepsPerEpoch }
  return step(trainer, request.steps)
})

async function step(trainer: Trainer, steps: number): Promise<StepAnswer> {
  const [losses, supervised]: [number[], number[]] = [[], []]
  const ms = await timed(async () => {
    for (let index = 0; index < steps; index++) {
      const { loss, supervisedTokens } = await trainer.step()
      losses.push(loss)
      supervised.push(supervisedTokens)
    }
  })
  return { ms, losses, supervised }
}

/** The fastest of several products [512,2048]·[2048,2048], in 10⁹ floating-point operations a second. */
async function bestGflops(threads: number): Promise<number> {
  const [rows, inner, columns] = [512, 2048, 2048]
  const graph = new Graph()
  const product = gemm(graph, graph.input('a', [rows, inner]), graph.constant(new Float32Array(inner * columns).fill(0.5), [columns, inner]), { transB: true })
  graph.output('y', graph.apply('ReduceMax', [product], { axes: [1] }))
  const session = await compile(graph, { device: 'cpu', threads, prepack: true })
  const feeds = new Map([['a', new Float32Array(rows * inner).fill(0.5)]])
  const times: number[] = []
  for (let round = 0; round < 20; round++) times.push(await timed(() => session.run(feeds)))
  await session.dispose()
  return (2 * rows * inner * columns) / Math.min(...times) / 1e6
}
