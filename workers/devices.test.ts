import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { parseNvidiaSmi, probeDevices, usableDevices } from './devices.js'

const folder = mkdtempSync(join(tmpdir(), 'devices-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Stands for the probe: one device computes, one crashes the process, one ends it without a word, the others say why not. */
const program = join(folder, 'probe.mjs')
writeFileSync(program, `
const kind = process.argv[2]
if (kind === 'webgpu') process.send({ hardware: 'Radeon' })
else if (kind === 'tfjs-webgpu') process.abort()
else if (kind !== 'tfjs-node') process.send({ reason: kind + ' is not installed' })
process.disconnect()
`)
const probe = pathToFileURL(program)

test('a driver that crashes whoever asks it is one more device that cannot be used', async () => {
  const checks = await probeDevices(probe)
  expect(checks.map(({ kind, ...answer }) => [kind, answer])).toEqual([
    ['webgpu', { hardware: 'Radeon' }],
    ['cuda', { reason: 'cuda is not installed' }],
    ['tfjs-wasm', { reason: 'tfjs-wasm is not installed' }],
    ['tfjs-webgpu', { reason: expect.stringContaining('ended with SIGABRT: a fault of the driver') }],
    ['tfjs-node', { reason: expect.stringContaining('ended with 0') }],
    ['tfjs-node-gpu', { reason: 'tfjs-node-gpu is not installed' }],
  ])
})

test('a worker tells the devices that computed, and no other', async () => {
  expect(await usableDevices(probe)).toEqual([{ id: 'webgpu:0', kind: 'webgpu', name: 'Radeon', threads: null, memoryBytes: null }])
})

test('reads the GPUs that nvidia-smi lists', () => {
  expect(parseNvidiaSmi('0, NVIDIA H100 80GB HBM3, 81559\n1, NVIDIA L4, 23034\n')).toEqual([
    { id: 'cuda:0', kind: 'cuda', name: 'NVIDIA H100 80GB HBM3', threads: null, memoryBytes: 81559 * 2 ** 20 },
    { id: 'cuda:1', kind: 'cuda', name: 'NVIDIA L4', threads: null, memoryBytes: 23034 * 2 ** 20 },
  ])
})
