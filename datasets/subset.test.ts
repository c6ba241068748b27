import { mkdtemp, readdir, readFile, rm, writeFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDataset, type Dataset } from './reader.js'
import { writeSubset } from './subset.js'

describe('writeSubset', () => {
  let home: string
  let source: Dataset

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'bancada-subset-'))
    const folder = join(home, 'source')
    await mkdir(folder)
    await writeFile(join(folder, 'dataset.yaml'), 'name: source\ntitle: S\ntask: generation\nlanguage: en\nlicence: CC0-1.0\nsource: here\nsplits: {train: a.jsonl, test: b.jsonl}\ndescription: D\n')
    await writeFile(join(folder, 'a.jsonl'), '{"id":"t1","input":"1","target":"x"}\n{"id":"t2","input":"2","target":"x"}\n')
    await writeFile(join(folder, 'b.jsonl'), '{"input":"3","target":"x", "kept":  [1]}\n\n{"id":"e2","input":"4","target":"x"}\n')
    source = await openDataset(folder, [])
  })
  afterEach(() => rm(home, { recursive: true, force: true }))

  const subset = (name: string, ...ids: string[]) => writeSubset(source, { name, title: 'T', description: 'D', ids: new Set(ids), root: join(home, 'datasets') })

  it('takes items out of every split, keeps their ids and leaves the rest of train', async () => {
    const made = await subset('failures', 'b-1', 't2')
    expect(made.splits).toEqual({ train: 1, test: 2 })
    expect((await made.read('test')).map(({ id, kept }) => [id, kept])).toEqual([['t2', undefined], ['b-1', [1]]])
    expect((await made.read('train')).map(({ id }) => id)).toEqual(['t1'])
    expect(made.manifest.source).toContain(source.hash)
    expect(await readFile(join(home, 'datasets', 'failures', 'train.jsonl'), 'utf8')).toBe('{"id":"t1","input":"1","target":"x"}\n')
  })

  it('refuses a name that is taken or will not do, and items that are not there, and leaves nothing behind', async () => {
    await subset('failures', 'e2')
    await expect(subset('failures', 'e2')).rejects.toThrow('there is a dataset "failures" already')
    await expect(subset('No Good', 'e2')).rejects.toThrow('field "name" of the new dataset: use lower-case')
    await expect(subset('others', 'e2', 'gone')).rejects.toThrow('1 of the 2 items are not in the dataset "source" as it is now, the first of them "gone"')
    expect(await readdir(home)).toEqual(['datasets', 'source'])
    expect(await readdir(join(home, 'datasets'))).toEqual(['failures'])
  })
})
