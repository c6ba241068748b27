/* Where things lie: data that ships with the project, and the user's own under BANCADA_HOME. */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Places {
  /** Folder of package.json: datasets/ and models/ of the project. */
  root: string
  home: string
  datasetRoots: string[]
  modelRoots: string[]
  cacheFolder: string
}

export function findPlaces(env: NodeJS.ProcessEnv = process.env): Places {
  const root = findRoot(dirname(fileURLToPath(import.meta.url)))
  const home = resolve(env['BANCADA_HOME'] ?? join(root, '.bancada'))
  return {
    root,
    home,
    datasetRoots: [join(root, 'datasets'), join(home, 'datasets')],
    modelRoots: [join(root, 'models'), join(home, 'models')],
    cacheFolder: join(home, 'cache'),
  }
}

/** The compiled tree lies one folder deeper than the sources, so the root is looked for, not counted to. */
function findRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) throw new Error(`no package.json at or above ${from}: run the worker from its own checkout`)
  }
}
