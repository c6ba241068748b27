/*
 * Answers that were given elsewhere and imported. Their dataset is not here, but what scoring needs of an item came
 * with its answer: what was asked, the target where there is one, and the variables of the test.
 */
import { DatasetError } from '../datasets/dataset-error.js'
import type { Dataset } from '../datasets/reader.js'
import type { Assignment, Example } from '../server/contracts/index.js'
import { readExamples } from './earlier-work.js'
import type { ServerAccess } from './run-context.js'
import type { TemplateItem } from './template.js'

type Params = Assignment['params']

export const isImported = (params: Params): boolean => 'importedFrom' in params

/** Of an imported run only its scoring can be read here; how it was asked is its tool's affair. */
export function scoringOf({ scorers, extract }: Params): Params {
  return { ...(scorers === undefined ? {} : { scorers }), ...(extract === undefined ? {} : { extract }) }
}

/** The items that a run answered, as the one split of a dataset. */
export function datasetOfAnswers(server: Pick<ServerAccess, 'getJson'>, { dataset: name, datasetHash: hash, rescoredFrom }: Pick<Assignment, 'dataset' | 'datasetHash' | 'rescoredFrom'>): Dataset {
  const read = async (split: string): Promise<TemplateItem[]> => {
    if (split !== 'test') throw new DatasetError('split_unknown', `the imported "${name}" has no split "${split}"; it has test, the items that were answered`, { allowed: ['test'] })
    return (await readExamples(server, rescoredFrom ?? '')).map(itemOf)
  }
  return {
    folder: '',
    manifest: { name, title: name, task: 'generation', language: 'und', licence: 'unknown', source: 'imported', description: 'Items of imported answers.', splits: { test: 'test.jsonl' } },
    hash,
    splits: { test: 0 },
    read: read as Dataset['read'],
    readAs: ((_task, split) => read(split)) as Dataset['readAs'],
    async *stream(split) {
      yield* (await read(split)) as Awaited<ReturnType<Dataset['read']>>
    },
    documents: () => Promise.resolve([]),
    validate: () => Promise.resolve(),
  }
}

/** A field that is not known is left out, so that whoever needs it is told. */
function itemOf({ itemId, input, target, details: { vars, targets } }: Example): TemplateItem {
  return { ...(typeof vars === 'object' ? vars : {}), ...(Array.isArray(targets) ? { targets } : {}), id: itemId, input, ...(target === null ? {} : { target }) }
}

/** What the model wrote, before filters of another tool; null where the file did not hold it. */
export function answerIn({ output, details: { response, hasNoOutput } }: Pick<Example, 'output' | 'details'>): string | null {
  if (hasNoOutput === true) return null
  return typeof response === 'string' ? response : output
}
