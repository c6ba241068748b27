import { basename } from 'node:path'
import { Inject, Injectable } from '@nestjs/common'
import { profileDataset } from '../../datasets/profile.js'
import { listDatasets, openDataset, type Dataset } from '../../datasets/reader.js'
import { AppError, DatasetManifestSchema, type DatasetInfo, type DatasetList, type DatasetPage, type DatasetProfile } from '../contracts/index.js'
import { datasetRoots, SETTINGS, type Settings } from '../settings.js'

@Injectable()
export class DatasetsService {
  readonly #profiles = new Map<string, DatasetProfile>()

  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  async list(): Promise<DatasetList> {
    const roots = datasetRoots(this.settings)
    const list: DatasetList = { datasets: [], broken: [] }
    for (const { name } of await listDatasets(roots)) {
      try {
        list.datasets.push(toInfo(await openDataset(name, roots)))
      } catch (error) {
        // A broken folder must not hide the others; its fault is part of the answer.
        list.broken.push({ name, message: error instanceof Error ? error.message : String(error) })
      }
    }
    return list
  }

  async page(name: string, query: { split?: string | undefined; offset: number; limit: number }): Promise<DatasetPage> {
    const dataset = await this.#open(name)
    const split = query.split ?? Object.keys(dataset.splits)[0] ?? ''
    const items: DatasetPage['items'] = []
    let index = 0
    for await (const item of dataset.stream(split)) {
      if (index >= query.offset + query.limit) break
      if (index >= query.offset) items.push(item as Record<string, unknown>)
      index += 1
    }
    return { dataset: toInfo(dataset), split, total: dataset.splits[split] ?? 0, items }
  }

  /** Read whole once for each version of the data. */
  async profile(name: string): Promise<DatasetProfile> {
    const dataset = await this.#open(name)
    const known = this.#profiles.get(name)
    if (known?.hash === dataset.hash) return known
    const profile = await profileDataset(dataset)
    this.#profiles.set(name, profile)
    return profile
  }

  /** A name, never a path: what lies outside the dataset folders is not for this door. */
  async #open(name: string): Promise<Dataset> {
    if (!DatasetManifestSchema.shape.name.safeParse(name).success) throw new AppError('not_found', `There is no dataset "${name}".`)
    return openDataset(name, datasetRoots(this.settings))
  }
}

/** Experiments and addresses name a dataset by its folder, whatever its manifest says. */
function toInfo(dataset: Dataset): DatasetInfo {
  return { ...dataset.manifest, name: basename(dataset.folder), hash: dataset.hash, sizes: dataset.splits }
}
