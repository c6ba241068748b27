/* Opens the model of a prompt run, with everything around it: stored replies, prices, budget, the endpoint's gate. */
import type { Endpoint, Embedder, ModelRef, OpenAiEndpoint, PromptParameters } from '../../server/contracts/index.js'
import type { RunBudget } from '../budget.js'
import { pricingOf } from '../pricing.js'
import { accountedModel, type AccountedModel } from '../providers/accounted-model.js'
import type { ChatModel } from '../providers/chat-model.js'
import type { Moderator } from '../providers/moderation.js'
import { openEndpoint } from '../providers/open-endpoint.js'
import { withOwnDecoding } from '../providers/own-decoding.js'
import { RequestTemplates } from '../providers/request-templates.js'
import { RunFailure, type RunContext } from '../run-context.js'
import { budgetOf, endpointOptions, keepingOf, openAccountedEmbeddings, openAccountedModerator } from './account.js'
import { openSimilarity, type TextSimilarity } from './text-similarity.js'

type Context = RunContext<PromptParameters>

export interface OpenedModel {
  model: AccountedModel
  budget: RunBudget
  /** Another model on the same account, as a judge is. */
  openOther(ref: ModelRef): Promise<AccountedModel>
  /** What tells how near two texts are, on the same account. */
  openSimilarity(embedder: Embedder): Promise<TextSimilarity>
  /** What flags texts for harm, on the same account. */
  openModerator(endpoint: OpenAiEndpoint): Moderator
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
  const { assignment, params } = context
  const budget = budgetOf(context)
  const open = async (ref: ModelRef): Promise<AccountedModel> => {
    const { model, identity, priced } = typeof ref === 'string' ? await openLocal(context, ref) : await openRemote(context, ref)
    const accounted = accountedModel({
      model,
      identity,
      pricing: pricingOf({ own: typeof ref === 'string' ? params.price : ref.price, model: priced, table: assignment.prices }),
      ...keepingOf(context),
      budget,
      repeat: assignment.repeat,
    })
    const decoding = typeof ref === 'object' && 'decoding' in ref ? ref.decoding : undefined
    return decoding === undefined ? accounted : withOwnDecoding(accounted, decoding)
  }
  return {
    budget,
    openOther: open,
    openSimilarity: (embedder) => openSimilarity(embedder, { threads: context.threads, openEndpoint: (endpoint) => openAccountedEmbeddings(context, endpoint, { budget }) }),
    openModerator: (endpoint) => openAccountedModerator(context, endpoint, budget),
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
  const options = endpointOptions(context)
  // What an address read from the environment comes to is part of what is asked.
  const origin = endpoint.provider === 'http' ? { origin: new RequestTemplates(endpoint, options.env).origin } : {}
  const baseUrl = 'baseUrl' in endpoint ? endpoint.baseUrl : (origin.origin ?? null)
  report.environment({ device: baseUrl === null ? (endpoint.provider === 'echo' ? 'echo' : 'recording') : `endpoint ${new URL(baseUrl).host}` })
  const model = await openEndpoint(endpoint, options)
  // Neither a name nor where the key stands changes what is answered; settings are part of each call.
  const { apiKeyEnv: _apiKeyEnv, label: _label, decoding: _decoding, ...identity } = { apiKeyEnv: undefined, label: undefined, decoding: undefined, ...asked, ...origin }
  return { model, identity, priced: { provider: endpoint.provider, model: endpoint.model, baseUrl } }
}
