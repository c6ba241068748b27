/**
 * How PyTorch is run. "As it comes" is what a user gets after installing the package. Tuned is the BLAS flavour and
 * kernel family that multiplies fastest on this processor, found by trying them: OpenBLAS knows processors up to its
 * release. Only the OpenMP flavour is tried where it is installed: the other one multiplies alone as fast, but brings
 * threads of its own, which fight with PyTorch's for the cores and make a whole step several times slower.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Contestant, rootFolder } from '../frame/contestant.js'
import { PYTHON } from './training.js'

export interface TorchSetting {
  name: string
  environment: Record<string, string>
}

export interface TorchProbe {
  torch: string
  threads: number
  /** Library and kernel family that were really loaded. */
  blas: string
  /** Best of several products [512,2048]·[2048,2048]. */
  gflops: number
}

const FLAVOURS = '/usr/lib/x86_64-linux-gnu'

export const asItComes: TorchSetting = { name: 'as it comes', environment: { OMP_NUM_THREADS: '2' } }

export function candidateSettings(): TorchSetting[] {
  const flavours = ['openblas-openmp', 'openblas-pthread'].map((flavour) => join(FLAVOURS, flavour)).filter((folder) => existsSync(folder)).slice(0, 1)
  const cores = [undefined, 'SkylakeX', 'Cooperlake', 'Haswell']
  return flavours.flatMap((folder) => cores.map((core): TorchSetting => ({
    name: `${folder.split('/').at(-1)} ${core ?? 'default'}`,
    environment: { OMP_NUM_THREADS: '2', LD_LIBRARY_PATH: folder, ...(core === undefined ? {} : { OPENBLAS_CORETYPE: core }) },
  })))
}

export async function probeTorch(setting: TorchSetting): Promise<TorchProbe> {
  await using torch = new Contestant(PYTHON, [join(rootFolder, 'tests/bench/peers/torch_step.py')], setting.environment)
  return await torch.ask<TorchProbe>({ do: 'probe' })
}
