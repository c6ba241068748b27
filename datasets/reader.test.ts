import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DatasetError } from './dataset-error.js'
import { findLeaks } from './leaks.js'
import { listDatasets, openDataset } from './reader.js'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bancada-datasets-'))
})
afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

const CLASSIFICATION = `name: mail
title: Mail
task: classification
language: en
licence: CC0-1.0
source: written for this test
labels: [spam, ham]
splits:
  train: train.jsonl
  test: test.jsonl
description: Two kinds of mail.
`
const RETRIEVAL = `name: speeches
title: Speeches
task: retrieval
language: en
licence: CC0-1.0
source: written for this test
splits: { test: test.jsonl }
documents: documents.jsonl
description: Questions on speeches.
`

async function writeDataset(name: string, files: Record<string, string | Buffer>): Promise<string> {
  const folder = join(root, name)
  await mkdir(folder, { recursive: true })
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), content)
  return folder
}

function lines(...items: unknown[]): string {
  return items.map((item) => JSON.stringify(item)).join('\n') + '\n'
}

async function failureOf(promise: Promise<unknown>): Promise<DatasetError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof DatasetError) return error
  throw new Error(`expected a DatasetError, got ${String(error)}`)
}

async function mailWithTrain(train: string | Buffer): Promise<DatasetError> {
  await writeDataset('mail', { 'dataset.yaml': CLASSIFICATION, 'train.jsonl': train, 'test.jsonl': lines({ id: 't', input: 'x', target: 'ham' }) })
  const dataset = await openDataset('mail', [root])
  return failureOf(dataset.read('train'))
}

describe('openDataset', () => {
  it('gives manifest, counts and items, blank lines, CRLF and unknown fields included', async () => {
    await writeDataset('mail', {
      'dataset.yaml': CLASSIFICATION,
      'train.jsonl': '\uFEFF{"id":"a","input":"buy","target":"spam","cluster":"c"}\r\n\n{"id":"b","input":"olá","target":"ham","from":"Ana"}',
      'test.jsonl': '',
    })
    const dataset = await openDataset('mail', [join(root, 'absent'), root])
    expect(dataset.splits).toEqual({ train: 2, test: 0 })
    expect(dataset.manifest.labels).toEqual(['spam', 'ham'])
    expect(await dataset.readAs('classification', 'train')).toEqual([
      { id: 'a', input: 'buy', target: 'spam', cluster: 'c' },
      { id: 'b', input: 'olá', target: 'ham', from: 'Ana' },
    ])
    expect(await dataset.documents()).toEqual([])
    await expect(dataset.validate()).resolves.toBeUndefined()
  })

  it('opens a folder by its path and hashes alike wherever it lies', async () => {
    const files = { 'dataset.yaml': CLASSIFICATION, 'train.jsonl': lines({ id: 'a', input: 'x', target: 'ham' }), 'test.jsonl': '' }
    const here = await openDataset(await writeDataset('mail', files), [])
    const there = await openDataset(await writeDataset('copy', files), [])
    expect(here.hash).toMatch(/^[0-9a-f]{64}$/)
    expect(there.hash).toBe(here.hash)
    await writeDataset('copy', { 'train.jsonl': lines({ id: 'a', input: 'y', target: 'ham' }) })
    expect((await openDataset(join(root, 'copy'), [])).hash).not.toBe(here.hash)
  })

  it('lists the datasets that exist when the name is unknown', async () => {
    await writeDataset('mail', { 'dataset.yaml': CLASSIFICATION, 'train.jsonl': '', 'test.jsonl': '' })
    const error = await failureOf(openDataset('male', [root]))
    expect(error.code).toBe('dataset_unknown')
    expect(error.details.allowed).toEqual(['mail'])
    expect(error.message).toContain('no dataset "male" (datasets here: mail)')
  })

  it('names the splits that exist, and does not take an inherited property for one', async () => {
    await writeDataset('mail', { 'dataset.yaml': CLASSIFICATION, 'train.jsonl': '', 'test.jsonl': '' })
    const dataset = await openDataset('mail', [root])
    const error = await failureOf(dataset.read('constructor'))
    expect(error.code).toBe('split_unknown')
    expect(error.message).toContain('it has train, test')
  })

  it('refuses to read a dataset as another task', async () => {
    await writeDataset('mail', { 'dataset.yaml': CLASSIFICATION, 'train.jsonl': '', 'test.jsonl': '' })
    const dataset = await openDataset('mail', [root])
    expect((await failureOf(dataset.readAs('retrieval', 'test'))).message).toContain('is for classification')
  })
})

describe('a broken manifest', () => {
  it.each([
    ['an unknown key', CLASSIFICATION + 'splitz: {}\n', /Unrecognized key: "splitz"/],
    ['a missing field', CLASSIFICATION.replace('licence: CC0-1.0\n', ''), /field "licence"/],
    ['a wrong task', CLASSIFICATION.replace('task: classification', 'task: clasification'), /dataset\.yaml:3: field "task"/],
    ['broken YAML', CLASSIFICATION.replace('[spam, ham]', '[spam, ham'), /dataset\.yaml:\d+: not valid YAML/],
    ['a file outside the folder', CLASSIFICATION.replace('train.jsonl', '../train.jsonl'), /dataset\.yaml:9: field "splits.train"/],
    ['an alias of itself', 'name: mail\nsplits: &s { train: *s }\n', /mail\/dataset\.yaml: .*aliases cannot be resolved|field/],
    ['aliases without bound', `a: &a [${'x,'.repeat(9)}]\nb: &b [${'*a,'.repeat(9)}]\nc: &c [${'*b,'.repeat(9)}]\nname: [*c,*c]\n`, /its aliases cannot be resolved/],
    ['retrieval without documents', CLASSIFICATION.replace('task: classification', 'task: retrieval'), /field "documents"/],
  ])('%s is named', async (_case, manifest, expected) => {
    await writeDataset('mail', { 'dataset.yaml': manifest, 'train.jsonl': '', 'test.jsonl': '' })
    const error = await failureOf(openDataset('mail', [root]))
    expect(error.code).toBe('dataset_manifest')
    expect(error.message).toMatch(expected)
  })

  it('is listed with its problem beside the good ones', async () => {
    await writeDataset('mail', { 'dataset.yaml': CLASSIFICATION, 'train.jsonl': '', 'test.jsonl': '' })
    await writeDataset('bad', { 'dataset.yaml': 'name: bad\n' })
    await mkdir(join(root, 'no-dataset'))
    const listing = await listDatasets([root, join(root, 'absent')])
    expect(listing.map(({ name }) => name)).toEqual(['bad', 'mail'])
    expect(listing[0]).toHaveProperty('problem.code', 'dataset_manifest')
    expect(listing[1]).toHaveProperty('manifest.title', 'Mail')
  })

  it('names a file that is absent, and one that links out of the folder', async () => {
    const folder = await writeDataset('mail', { 'dataset.yaml': CLASSIFICATION, 'test.jsonl': '' })
    expect((await failureOf(openDataset('mail', [root]))).message).toMatch(/train\.jsonl: there is no such file/)
    await writeFile(join(root, 'outside.jsonl'), '')
    await symlink(join(root, 'outside.jsonl'), join(folder, 'train.jsonl'))
    expect((await failureOf(openDataset('mail', [root]))).message).toMatch(/leads out of the dataset folder/)
  })
})

describe('a broken line', () => {
  const good = JSON.stringify({ id: 'a', input: 'x', target: 'ham' })

  it.each([
    ['not JSON', '{"id": "b", ', undefined, /not valid JSON/],
    ['a list', '["b"]', undefined, /holds a list; write a JSON object/],
    ['a missing field', '{"id":"b","input":"x"}', 'target', /field "target" is missing; add "target": … \(the line has "id", "input"\)/],
    ['a wrong type', '{"id":7,"input":"x","target":"ham"}', 'id', /field "id" is 7: expected string/],
    ['an id too long for the database', `{"id":"${'x'.repeat(801)}","input":"x","target":"ham"}`, 'id', /field "id" is .*800 characters/],
    ['an empty text', '{"id":"b","input":"","target":"ham"}', 'input', /field "input" is empty/],
    ['an unknown label', '{"id":"b","input":"x","target":"eggs"}', 'target', /"eggs", which is not a label; use one of spam, ham/],
    ['an id again', good, 'id', /field "id" is "a" again, as on line 1/],
  ])('%s is named by file, line and field', async (_case, line, field, expected) => {
    const error = await mailWithTrain(`${good}\n\n${line}\n`)
    expect(error.code).toBe('dataset_line')
    expect(error.details.line).toBe(3)
    expect(error.details.field).toBe(field)
    expect(error.message).toMatch(/train\.jsonl:3: /)
    expect(error.message).toMatch(expected)
  })

  it('that is not UTF-8 is named', async () => {
    await writeDataset('mail', { 'dataset.yaml': CLASSIFICATION, 'train.jsonl': Buffer.concat([Buffer.from(`${good}\n`), Buffer.from([0x22, 0xe9, 0x22])]), 'test.jsonl': '' })
    const error = await failureOf(openDataset('mail', [root]))
    expect(error.message).toMatch(/train\.jsonl:2: the line is not UTF-8/)
  })

  it('is found however the file is cut into chunks', async () => {
    const long = lines({ id: 'long', input: 'ã'.repeat(1_500_000), target: 'ham' })
    const error = await mailWithTrain(`${long}{"id":"b"}\n`)
    expect(error.message).toMatch(/train\.jsonl:2: field "input" is missing/)
  })
})

describe('validate', () => {
  const document = { id: 'd', title: 'Speech', year: 1950, text: 'First. The gold is here. Last.' }
  const question = { id: 'q', question: 'Where?', answer: 'here', document: 'd', passage: 'The gold is here.', start: 7, end: 24 }

  async function problemOf(change: Partial<typeof question>): Promise<string> {
    await writeDataset('speeches', { 'dataset.yaml': RETRIEVAL, 'documents.jsonl': lines(document), 'test.jsonl': lines({ ...question, ...change }) })
    return (await failureOf((await openDataset('speeches', [root])).validate())).message
  }

  it('accepts a gold passage at its offsets', async () => {
    await writeDataset('speeches', { 'dataset.yaml': RETRIEVAL, 'documents.jsonl': lines(document), 'test.jsonl': lines(question) })
    const dataset = await openDataset('speeches', [root])
    await expect(dataset.validate()).resolves.toBeUndefined()
    expect(await dataset.documents()).toEqual([document])
  })

  it('says where a misplaced gold passage really is', async () => {
    expect(await problemOf({ start: 8, end: 25 })).toContain('write "start": 7, "end": 24')
  })

  it('refuses a passage that the document does not hold, and an unknown document', async () => {
    expect(await problemOf({ passage: 'The gold was here.' })).toContain('word for word')
    expect(await problemOf({ document: 'e' })).toContain('names document "e"')
  })

  it('refuses one id in two splits', async () => {
    const item = lines({ id: 'a', input: 'x', target: 'ham' })
    await writeDataset('mail', { 'dataset.yaml': CLASSIFICATION, 'train.jsonl': item, 'test.jsonl': item })
    const error = await failureOf((await openDataset('mail', [root])).validate())
    expect(error.message).toContain('also occurs in split "train"')
  })
})

describe('findLeaks', () => {
  it('finds an input in two splits whatever its case and spacing, and leaves repeats within one split alone', async () => {
    await writeDataset('mail', {
      'dataset.yaml': CLASSIFICATION,
      'train.jsonl': lines({ id: 'a', input: 'Buy  NOW!', target: 'spam' }, { id: 'b', input: 'hello', target: 'ham' }, { id: 'c', input: 'Hello.', target: 'ham' }),
      'test.jsonl': lines({ id: 'd', input: 'buy now', target: 'spam' }, { id: 'e', input: 'other', target: 'ham' }),
    })
    expect(await findLeaks(await openDataset('mail', [root]))).toEqual([
      { input: 'Buy  NOW!', places: [{ split: 'train', id: 'a' }, { split: 'test', id: 'd' }] },
    ])
  })
})
