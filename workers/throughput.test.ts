import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { cpuDevice } from './devices.js'
import { measureGflops, rememberedGflops, type ThroughputOptions } from './throughput.js'

const device = cpuDevice(2)
const patient = new AbortController().signal

/** @param gflops what the probe tells, one after the other */
async function measuring(...gflops: unknown[]): Promise<{ folder: string; options: ThroughputOptions; measure: () => Promise<number | null> }> {
  const folder = await mkdtemp(join(tmpdir(), 'bancada-throughput-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const options = { probeModule: pathToFileURL(join(folder, 'probe.mjs')), cacheFolder: join(folder, 'cache'), threads: 2 }
  const measure = async (): Promise<number | null> => {
    await writeFile(join(folder, 'probe.mjs'), `process.send(${JSON.stringify(gflops.shift())})\n`)
    return measureGflops(device, options, patient)
  }
  return { folder, options, measure }
}

test('remembers the greatest speed, and asks nobody what it remembers', async () => {
  const { options, measure } = await measuring(40, 30, 'fast')
  expect(rememberedGflops(device, options)).toBeNull()
  expect([await measure(), await measure(), await measure()]).toEqual([40, 40, null])
  expect(rememberedGflops(device, options)).toBe(40)
  expect(rememberedGflops({ ...device, name: 'another' }, options)).toBeNull()
  expect(await readdir(options.cacheFolder)).toEqual(['throughput.json'])
})

test('tells a speed that cannot be kept, and takes nothing but speeds from a damaged file', async () => {
  const { options, measure } = await measuring(40, 30)
  await writeFile(options.cacheFolder, 'a file where the folder should be')
  expect([await measure(), rememberedGflops(device, options)]).toEqual([40, null])
  await rm(options.cacheFolder)
  await measure()
  const file = join(options.cacheFolder, 'throughput.json')
  await writeFile(file, (await readFile(file, 'utf8')).replace('30', '"30"'))
  expect(rememberedGflops(device, options)).toBeNull()
})
