/** Tokens a second of one sequence: ours, llama.cpp's on the same weights, and what the memory's speed would allow. */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { exportGgufModel } from '../../../workers/engine/gguf-export.js'
import { LLAMA_CPP_PACKAGE } from '../../../workers/engine/llama-cpp.js'
import { findOptionalPackage } from '../../../workers/engine/optional-package.js'
import { Contestant } from '../frame/contestant.js'
import { interleave } from '../frame/rounds.js'
import type { DecodeAnswer, DecodeRequest } from './decode.js'
import { shapeFolder, type BenchShape } from './shapes.js'

export interface DecodeResult {
  /** Tokens a second, by round. */
  ours: number[]
  /** null where the package is not installed. */
  llamaCpp: number[] | null
  /** Tokens a second at which each weight would be read once at the speed of a plain sum. */
  bound: number[]
  /** Bytes a second of that sum. */
  bandwidth: number[]
}

export async function compareDecode(shape: BenchShape, { rounds, tokens }: { rounds: number; tokens: number }): Promise<DecodeResult> {
  const [folder, threads] = [shapeFolder(shape), availableParallelism()]
  await using open = new AsyncDisposableStack()
  const start = async <Answer>(request: DecodeRequest): Promise<{ contestant: Contestant; answer: Answer }> => {
    const contestant = open.use(Contestant.node(new URL('./decode.js', import.meta.url)))
    return { contestant, answer: await contestant.ask<Answer>(request) }
  }
  const decode = (contestant: Contestant) => async (): Promise<number> => (await contestant.ask<DecodeAnswer>({ do: 'decode', tokens } satisfies DecodeRequest)).tokensPerSecond
  const { contestant: engine, answer: { weightBytes } } = await start<{ weightBytes: number }>({ do: 'open', folder, threads })
  const turns = { ours: decode(engine), bandwidth: async (): Promise<number> => (await engine.ask<{ bytesPerSecond: number }>({ do: 'bandwidth' } satisfies DecodeRequest)).bytesPerSecond }
  const finished = (samples: Omit<DecodeResult, 'bound'>): DecodeResult => ({ ...samples, bound: samples.bandwidth.map((bytes) => bytes / weightBytes) })
  if (findOptionalPackage(LLAMA_CPP_PACKAGE.name) === null) return finished({ ...(await interleave(turns, rounds)), llamaCpp: null })
  const { contestant: peer } = await start({ do: 'openGguf', path: ggufOf(folder), threads })
  return finished(await interleave({ ...turns, llamaCpp: decode(peer) }, rounds))
}

/** The same weights in the same number format, kept beside the folder. */
function ggufOf(folder: string): string {
  const path = `${folder}.gguf`
  if (!existsSync(path)) exportGgufModel({ modelFolder: folder, adapterFolder: null, path, dtype: 'F32' })
  return path
}
