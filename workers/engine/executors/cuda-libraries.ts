/** ONNX Runtime's CUDA libraries are the user's own choice to install: the package comes without them. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** Fetches them from NuGet into the package's own folder, so once more after each `npm ci`. For Linux on x64 only. */
export const CUDA_INSTALL = 'ONNXRUNTIME_NODE_INSTALL=true node node_modules/onnxruntime-node/script/install.js'

const LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so']

/** Those that are not where ONNX Runtime looks for them. */
export function missingCudaLibraries(): string[] {
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node')
  const folder = join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch)
  return LIBRARIES.filter((name) => !existsSync(join(folder, name)))
}
