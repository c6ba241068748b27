/** Tries of the playground: each is an experiment of its own, so that it stands recorded as everything else does. */
import type { ExamplePage } from '../../../../server/contracts/http.js'
import type { Example, Experiment, Run } from '../../../../server/contracts/run.js'
import { changeExperiment, createExperiment, getExamples, getExperiment } from '../../api.js'
import type { LiveFeed } from '../../state/live-feed.svelte.js'
import { liveResource, type Resource } from '../../state/resource.svelte.js'
import { modelName, type Setting, trySpec, type Variant } from './spec.js'

/** One column of answers: a variant asked of a model. */
export interface Column {
  key: string
  side: string
  run: Run
  model: string
  examples: ReadonlyMap<string, Example>
}

export interface Answered {
  experiments: Experiment[]
  columns: Column[]
}

/** Queues one experiment per variant and puts them out of the way of the others; returns their ids. */
export async function startTries(variants: readonly Variant[], setting: Setting): Promise<string[]> {
  const created = await Promise.all(variants.map((variant) => createExperiment(JSON.stringify(trySpec(variant, setting)))))
  const ids = created.map(({ id }) => id)
  // One that stays in the list is only in the way.
  void Promise.all(ids.map((id) => changeExperiment(id, { archived: true }))).catch(() => undefined)
  return ids
}

async function readTries(ids: readonly string[], signal: AbortSignal): Promise<Answered> {
  const experiments = await Promise.all(ids.map((id) => getExperiment(id, signal)))
  const runs = experiments.flatMap((experiment, index) => experiment.runs.map((run) => ({ run, side: experiments.length > 1 ? ('AB'[index] ?? '') : '' })))
  const pages = await Promise.all(runs.map(({ run }): Promise<ExamplePage> => getExamples(run.id, { offset: 0, limit: 100 }, signal)))
  const columns = runs.map(({ run, side }, index) => ({
    key: run.id, side, run, model: modelName(run.params['model'] as Parameters<typeof modelName>[0]),
    examples: new Map((pages[index]?.examples ?? []).map((example) => [example.itemId, example])),
  }))
  return { experiments, columns }
}

/** The answers of tries as they come in. */
export function liveTries(feed: LiveFeed, ids: () => readonly string[]): Resource<Answered> {
  return liveResource({
    feed,
    query: () => (ids().length === 0 ? null : ids()),
    load: readTries,
    on: (event) => event.experimentId !== null && ids().includes(event.experimentId) && (event.type === 'run.examples' || event.type === 'run.updated'),
  })
}

/** Items in the order in which the first column answered them, then what only others have. */
export function itemsOf(columns: readonly Column[]): string[] {
  return [...new Set(columns.flatMap(({ examples }) => [...examples.keys()]))]
}
