import { Inject, Injectable } from '@nestjs/common'
import { join } from 'node:path'
import { DatasetError } from '../../datasets/dataset-error.js'
import { openDataset, type Dataset } from '../../datasets/reader.js'
import { writeSubset } from '../../datasets/subset.js'
import { AppError, type CreatedDataset } from '../contracts/index.js'
import { datasetRoots, SETTINGS, type Settings } from '../settings.js'
import { CompareService, type CompareRequest } from './compare.service.js'

type Selection = Pick<CompareRequest, 'runIds' | 'metric' | 'baselineId' | 'rows'>

const IN_WORDS: Readonly<Record<Selection['rows']['show'], string>> = {
  all: 'items', different: 'items on which the runs differ', differ: 'items on which A and B differ', 'a-better': 'items on which A is better than B', 'b-better': 'items on which B is better than A', 'both-wrong': 'items that A and B got wrong',
}

/** Turns what a comparison shows into a dataset of the user's own, which experiments can name at once. */
@Injectable()
export class SelectionDatasets {
  constructor(
    @Inject(CompareService) private readonly comparing: CompareService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  async create(selection: Selection, { name, title }: { name: string; title: string | undefined }): Promise<CreatedDataset> {
    const { dataset, itemIds, a, b } = await this.comparing.selection(selection)
    if (itemIds.length === 0) throw new AppError('invalid_request', 'No item matches this selection, so there is nothing to make a dataset of.')
    const roots = datasetRoots(this.settings)
    const source = await this.#open(dataset, roots)
    await this.#assertFree(name, roots)
    const sides = a.id === b.id ? `A: ${a.name} (${a.id})` : `A: ${a.name} (${a.id}), B: ${b.name} (${b.id})`
    const narrowed = Object.entries(selection.rows.conditions).flatMap(([key, value]) => (value === undefined ? [] : `${key}: ${value}`))
    const description = `${itemIds.length} ${IN_WORDS[selection.rows.show]} of ${source.manifest.name}. ${sides}.${narrowed.length === 0 ? '' : ` Narrowed by ${narrowed.join(', ')}.`}`
    const made = await refusing(() => writeSubset(source, { name, title: title ?? `${itemIds.length} ${IN_WORDS[selection.rows.show]} of ${source.manifest.title}`, description, ids: new Set(itemIds), root: join(this.settings.home, 'datasets') }))
    return { dataset: { ...made.manifest, hash: made.hash, sizes: made.splits }, items: itemIds.length }
  }

  async #open(dataset: string, roots: string[]): Promise<Dataset> {
    try {
      return await openDataset(dataset, roots)
    } catch (cause) {
      if (!(cause instanceof DatasetError)) throw cause
      throw new AppError('dataset_invalid', `The items of these runs cannot become a dataset, because theirs cannot be read here: ${cause.message}.`, { cause })
    }
  }

  /** The shipped datasets win over the user's own: one of the same name would never be found. */
  async #assertFree(name: string, roots: string[]): Promise<void> {
    const isTaken = await openDataset(name, roots).then(() => true, (error: unknown) => !(error instanceof DatasetError && error.code === 'dataset_unknown'))
    if (isTaken) throw new AppError('conflict', `There is a dataset "${name}" already; choose another name.`, { problems: [{ path: 'name', message: 'is taken', seen: name }] })
  }
}

async function refusing<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (cause) {
    if (cause instanceof DatasetError) throw new AppError('dataset_invalid', `The dataset was not made: ${cause.message}.`, { cause })
    throw cause
  }
}
