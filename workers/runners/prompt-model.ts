/* Opens the model of a prompt run, with everything around it: stored replies, prices, budget, the endpoint's gate. */
import { join } from 'node:path'
import type { Endpoint, Embedder, ModelRef, PromptParameters } from '../../server/contracts/index.js'
import { RunBudget } from '../budget.js'
import { pricingOf } from '../pricing.js'
import { accountedModel, type AccountedModel } from '../providers/accounted-model.js'
import type { ChatModel } from '../providers/chat-model.js'
import { openEmbeddings, openEndpoint, type OpenEndpointOptions } from '../providers/open-endpoint.js'
import { withOwnDecoding } from '../providers/own-decoding.js'
import { serverShelf } from '../providers/reply-shelf.js'
import { elapsedMs, RunFailure, type RunContext } from '../run-context.js'
import { openSimilarity, type TextSimilarity } from './text-similarity.js'

type Context = RunContext<PromptParameters>

export interface OpenedModel {
  model: AccountedModel
  budget: RunBudget
  /** Another model on the same account, as a judge is. */
  openOther(ref: ModelRef): Promise<AccountedModel>
  /** What tells how near two texts are; its calls are neither stored nor charged. */
  openSimilarity(embedder: Embedder): Promise<TextSimilarity>
}

export interface NamedModel {
  model: ChatModel
  /** What makes its replies its own. */
  identity: unknown
  priced: { provider: string; model: string; baseUrl: string | null }
}

export async function openPromptModel(context: Context): Promise<OpenedModel> {
  const account = openAccount(context)
  return { model: await account.openOther(context.params.model), ...account }
}

/** The account of a run that asks no model of its own: what its judges cost is charged to it. */
export function openAccount(context: Context): Omit<OpenedModel, 'model'> {
  const { assignment, params, server } = context
  const { resume, runId, repeat, budget: limits } = assignment
  const budget = new RunBudget({ limits, spentUsd: resume.spentUsd, spentCalls: resume.spentCalls, elapsedMs: () => elapsedMs(context) })
  const open = async (ref: ModelRef): Promise<AccountedModel> => {
    const { model, identity, priced } = typeof ref === 'string' ? await openLocal(context, ref) : await openRemote(context, ref)
    const accounted = accountedModel({
      model,
      identity,
      pricing: pricingOf({ own: typeof ref === 'string' ? params.price : ref.price, model: priced, table: assignment.prices }),
      shelf: serverShelf(server, runId),
      budget,
      repeat,
      privateTo: params.cache === 'on' ? null : runId,
      readsShared: params.cache === 'read',
    })
    const decoding = typeof ref === 'string' || ref.provider === 'recorded' ? undefined : ref.decoding
    return decoding === undefined ? accounted : withOwnDecoding(accounted, decoding)
  }
  return {
    budget,
    openOther: open,
    openSimilarity: (embedder) => openSimilarity(embedder, { threads: context.threads, openEndpoint: (endpoint) => openEmbeddings(endpoint, endpointOptions(context)) }),
  }
}

/** The engine is loaded only where it is used: a run that calls an endpoint begins sooner and needs less memory. */
async function openLocal(context: Context, name: string): Promise<NamedModel> {
  return (await import('./prompt-local.js')).openLocalPromptModel(context, name)
}

async function openRemote(context: Context, endpoint: Endpoint): Promise<NamedModel> {
  const { params, report } = context
  for (const name of ['minP', 'repetitionPenalty'] as const) {
    if (params[name] !== undefined) throw new RunFailure('invalid_params', `${name} is ${params[name]}, but an endpoint is not told of it; leave it out, or name a local model`)
  }
  const { price: _price, ...asked } = endpoint
  const baseUrl = 'baseUrl' in endpoint ? endpoint.baseUrl : null
  report.environment({ device: baseUrl === null ? 'recording' : `endpoint ${new URL(baseUrl).host}` })
  const model = await openEndpoint(endpoint, endpointOptions(context))
  // Neither a name nor where the key stands changes what is answered; settings are part of each call.
  const { apiKeyEnv: _apiKeyEnv, label: _label, decoding: _decoding, ...identity } = { apiKeyEnv: undefined, label: undefined, decoding: undefined, ...asked }
  return { model, identity, priced: { provider: endpoint.provider, model: endpoint.model, baseUrl } }
}

function endpointOptions({ params, report, folders, signal, gateFor }: Context): OpenEndpointOptions {
  return {
    env: process.env,
    concurrency: params.concurrency,
    timeoutMs: params.timeoutSeconds * 1000,
    mostTries: params.tries,
    signal,
    onRetry: (message) => report.log('warn', message),
    gateFor: (gateId) => gateFor(gateId, params.concurrency),
    recordingsFolder: join(folders.home, 'recordings'),
  }
}
