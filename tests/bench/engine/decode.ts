/* Decoding by our engine or by llama.cpp, in a process of its own: each new token reads every weight once. */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { compile } from '../../../workers/engine/executors/executor.js'
import { openLanguageModel } from '../../../workers/engine/generate.js'
import { Graph } from '../../../workers/engine/graph.js'
import { openGgufModel } from '../../../workers/engine/llama-cpp.js'
import type { TextModel } from '../../../workers/engine/text-model.js'
import { serveRequests } from '../frame/contestant.js'
import { timed } from '../frame/rounds.js'

export type DecodeRequest = { do: 'open'; folder: string; threads: number } | { do: 'openGguf'; path: string; threads: number } | { do: 'decode'; tokens: number } | { do: 'bandwidth' }

export interface DecodeAnswer {
  tokensPerSecond: number
  ttftMs: number
}

const PROMPT = Array.from({ length: 32 }, (_, index) => 3 + index)
/** Larger than the caches by far. */
const STREAM_FLOATS = 64 * 1024 * 1024

let model: TextModel | null = null
let threads = 1

await serveRequests<DecodeRequest>(async (request) => {
  if (request.do === 'open') {
    threads = request.threads
    model = await openLanguageModel({ folder: request.folder, threads, device: 'cpu' })
    return { weightBytes: statSync(join(request.folder, 'model.safetensors')).size }
  }
  if (request.do === 'openGguf') {
    model = await openGgufModel({ path: request.path, threads: request.threads, device: 'cpu' })
    return {}
  }
  if (request.do === 'bandwidth') return { bytesPerSecond: await streamSpeed() }
  if (model === null) throw new Error('open comes first')
  const { tokensOut, ttftMs, totalMs } = await model.generate(PROMPT, { maxTokens: request.tokens })
  if (tokensOut < request.tokens / 2) throw new Error(`the answer ended after ${tokensOut} tokens, too few to measure`)
  return { tokensPerSecond: ((tokensOut - 1) / (totalMs - ttftMs)) * 1000, ttftMs } satisfies DecodeAnswer
})

/** Bytes per second at which all threads together read memory: the best of several sums over 256 MiB. */
async function streamSpeed(): Promise<number> {
  const graph = new Graph()
  graph.output('sum', graph.apply('ReduceSum', [graph.input('x', [1024, STREAM_FLOATS / 1024])], { axes: [1] }))
  const session = await compile(graph, { device: 'cpu', threads, prepack: false })
  const feeds = new Map([['x', new Float32Array(STREAM_FLOATS).fill(1)]])
  const times: number[] = []
  for (let round = 0; round < 8; round++) times.push(await timed(() => session.run(feeds)))
  await session.dispose()
  return (STREAM_FLOATS * 4) / (Math.min(...times) / 1000)
}
