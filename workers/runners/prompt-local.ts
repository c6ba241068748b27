/* The model of this machine that a prompt run asks. */
import type { PromptParameters } from '../../server/contracts/index.js'
import { LLAMA_CPP_PACKAGE } from '../engine/llama-cpp.js'
import { findOptionalPackage } from '../engine/optional-package.js'
import type { BaseDtype, BaseWeights } from '../engine/weight-cache.js'
import { hashModel, resolveAnswering, type GgufSource, type ModelSource } from '../model-source.js'
import { openLocalModel } from '../providers/local.js'
import { RunFailure, type RunContext } from '../run-context.js'
import type { NamedModel } from './prompt-model.js'

export async function openLocalPromptModel({ params, report, server, folders, threads }: RunContext<PromptParameters>, name: string): Promise<NamedModel> {
  const source = await resolveAnswering(name, { server, modelRoots: folders.models, cacheFolder: folders.cache })
  const modelHash = await hashModel(source)
  const library = 'ggufFile' in source ? { device: `cpu, ${LLAMA_CPP_PACKAGE.name} ${findOptionalPackage(LLAMA_CPP_PACKAGE.name)?.version ?? 'missing'}` } : {}
  report.environment({ modelHash, ...library })
  const base = baseOf(source, { chosen: params.baseDtype, cacheFolder: folders.cache })
  const model = await openLocalModel({ name, source, base, threads, device: 'cpu', chat: params.chat })
  return { model, identity: { provider: 'local', modelHash, baseDtype: base?.dtype, chat: params.chat }, priced: { provider: 'local', model: name, baseUrl: null } }
}

/** The format that was asked for, else the one an adapter was trained over. */
function baseOf(source: ModelSource | GgufSource, { chosen, cacheFolder }: { chosen: BaseDtype | undefined; cacheFolder: string }): BaseWeights | undefined {
  if (!('ggufFile' in source)) return { dtype: chosen ?? source.baseDtype, cacheFolder }
  if (chosen !== undefined) throw new RunFailure('invalid_params', `baseDtype is ${chosen}, but a GGUF file has its number format already; leave it out, or name a Hugging Face folder`)
  return undefined
}
