/* What the calls of a run have around them: the endpoint's gate, stored replies, prices and the budget. */
import { join } from 'node:path'
import type { OpenAiEndpoint, PromptParameters } from '../../server/contracts/index.js'
import { RunBudget } from '../budget.js'
import { pricingOf } from '../pricing.js'
import { accountedEmbeddings, type AccountedEmbeddings } from '../providers/accounted-embeddings.js'
import type { AccountingOptions } from '../providers/accounted-model.js'
import { openModerator, type Moderator } from '../providers/moderation.js'
import { openEmbeddings, openRaw, type OpenEndpointOptions } from '../providers/open-endpoint.js'
import { serverShelf } from '../providers/reply-shelf.js'
import { elapsedMs, type RunContext } from '../run-context.js'

/** Parameters of every kind of run that calls endpoints. */
export type CallParameters = Pick<PromptParameters, 'cache' | 'concurrency' | 'timeoutSeconds' | 'tries'>
type Context = RunContext<CallParameters>

export function budgetOf(context: Context): RunBudget {
  const { resume, budget: limits } = context.assignment
  return new RunBudget({ limits, spentUsd: resume.spentUsd, spentCalls: resume.spentCalls, elapsedMs: () => elapsedMs(context) })
}

/** Where replies of this run are kept, and whose replies it may find. */
export function keepingOf({ assignment: { runId }, params: { cache }, server }: Context): Pick<AccountingOptions, 'shelf' | 'privateTo' | 'readsShared'> {
  return { shelf: serverShelf(server, runId), privateTo: cache === 'on' ? null : runId, readsShared: cache === 'read' }
}

export function endpointOptions({ params, report, folders, signal, gateFor }: Context): OpenEndpointOptions {
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

/** @throws {RunFailure} `key_missing`, `prices_invalid` */
export function openAccountedEmbeddings(context: Context, endpoint: OpenAiEndpoint, { budget, mostTexts }: { budget: RunBudget; mostTexts?: number }): AccountedEmbeddings {
  const { provider, baseUrl, model, extraBody } = endpoint
  return accountedEmbeddings({
    model: openEmbeddings(endpoint, endpointOptions(context)),
    identity: { provider, baseUrl, model, extraBody },
    pricing: pricingOf({ own: endpoint.price, model: { provider, model, baseUrl }, table: context.assignment.prices }),
    ...keepingOf(context),
    budget,
    mostTexts,
  })
}

/** @throws {RunFailure} `key_missing`, `prices_invalid` */
export function openAccountedModerator(context: Context, endpoint: OpenAiEndpoint, budget: RunBudget): Moderator {
  const { provider, baseUrl, model } = endpoint
  const options = endpointOptions(context)
  return openModerator({
    endpoint,
    ...openRaw(endpoint, options),
    concurrency: options.concurrency,
    pricing: pricingOf({ own: endpoint.price, model: { provider, model, baseUrl }, table: context.assignment.prices }),
    ...keepingOf(context),
    budget,
  })
}
