import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ArtifactStore, fileFault } from './artifact-store.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bancada-artifacts-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const digest = (content: string): string => createHash('sha256').update(content).digest('hex')

it('stores bytes under their digest and gives them back', async () => {
  const store = new ArtifactStore(folder)
  const stored = await store.write('run1', Readable.from([Buffer.from('hello '), Buffer.from('world')]))
  expect(stored).toEqual({ sizeBytes: 11, sha256: digest('hello world') })
  expect(await store.write('run1', Readable.from([Buffer.from('hello world')]))).toEqual(stored)
  expect(await readdir(join(folder, 'run1'))).toEqual([stored.sha256])
  expect(await text(await store.read('run1', stored.sha256))).toBe('hello world')
  await store.remove('run1', stored.sha256)
  await store.remove('run1', stored.sha256)
  await expect(store.read('run1', stored.sha256)).rejects.toMatchObject({ code: 'not_found' })
})

it('keeps nothing of an upload that breaks off or does not fit on the disk', async () => {
  const store = new ArtifactStore(folder)
  const broken = (error: Error): Readable => Readable.from((function* () {
    yield Buffer.from('half of')
    throw error
  })())
  await expect(store.write('run1', broken(new Error('connection lost')))).rejects.toThrow('connection lost')
  await expect(store.write('run1', broken(Object.assign(new Error('write'), { code: 'ENOSPC' })))).rejects.toMatchObject({ code: 'storage_full', status: 507 })
  expect(await readdir(join(folder, 'run1'))).toEqual([])
  expect(fileFault(new Error('other'))).toBeNull()
})

it('stays within its folder', async () => {
  const store = new ArtifactStore(folder)
  await expect(store.write('../run1', Readable.from([]))).rejects.toMatchObject({ code: 'invalid_request' })
  await expect(store.read('run1', '../../secret')).rejects.toMatchObject({ code: 'invalid_request' })
})
