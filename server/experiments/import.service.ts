import { createHash } from 'node:crypto'
import { Inject, Injectable } from '@nestjs/common'
import { summarizeCost, summarizeLatency, summarizeMetric } from '../../experiments/summary.js'
import { AppError, type ImportAnswer, type ImportedExperiment, type ImportedRun, type Problem, type Summary } from '../contracts/index.js'
import { ImportStore } from '../store/import-store.js'

/** Takes in results that were made elsewhere. Their figures are made here, from the answers, as those of our own runs are. */
@Injectable()
export class ImportService {
  constructor(@Inject(ImportStore) private readonly imports: ImportStore) {}

  async create(experiments: readonly ImportedExperiment[]): Promise<ImportAnswer> {
    const problems = experiments.flatMap((experiment, index) => problemsOf(experiment, `experiments[${index}]`))
    const [first] = problems
    if (first) throw new AppError('invalid_request', `Nothing was imported: ${first.path}: ${first.message}`, { problems })
    const summarized = experiments.map((experiment) => ({
      experiment,
      datasetHash: hashOf(experiment),
      summaries: experiment.runs.map((run) => summaryOf(run, experiment.metrics)),
    }))
    return { experiments: await this.imports.create(summarized) }
  }
}

function problemsOf({ runs, metrics }: ImportedExperiment, path: string): Problem[] {
  const known = new Set(metrics.map(({ id }) => id))
  const names = new Set<string>()
  return runs.flatMap((run, index) => {
    const problems: Problem[] = []
    const at = `${path}.runs[${index}]`
    if (names.has(run.name)) problems.push({ path: `${at}.name`, message: 'two runs of an experiment have this name', seen: run.name })
    names.add(run.name)
    const items = new Set<string>()
    for (const [place, { itemId, scores }] of run.examples.entries()) {
      if (items.has(itemId)) problems.push({ path: `${at}.examples[${place}].itemId`, message: 'the run answers this item twice', seen: itemId })
      items.add(itemId)
      const stray = Object.keys(scores).find((id) => !known.has(id))
      if (stray !== undefined) problems.push({ path: `${at}.examples[${place}].scores`, message: 'a score of a metric that `metrics` does not name', seen: stray, allowed: [...known].join(', ') })
    }
    return problems.slice(0, 20)
  })
}

/** The items and their targets, in an order of their own: the version of the data as far as results tell it. */
function hashOf({ runs }: ImportedExperiment): string {
  const items = new Set(runs.flatMap(({ examples }) => examples.map(({ itemId, target }) => JSON.stringify([itemId, target]))))
  return createHash('sha256').update([...items].sort().join('\n')).digest('hex')
}

function summaryOf({ examples, durationMs }: ImportedRun, metrics: ImportedExperiment['metrics']): Summary {
  const scored = metrics.filter(({ id }) => examples.some(({ scores }) => id in scores))
  return {
    metrics: Object.fromEntries(scored.map(({ id, higherIsBetter }) => [id, { ...summarizeMetric(id, examples), higherIsBetter }])),
    primaryMetric: metrics[0]?.id ?? '',
    latency: summarizeLatency(examples),
    ...summarizeCost(examples),
    durationMs,
  }
}
