/** The device of a run: the one that was asked for, told by what really computed, or a clear end. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Run } from '../../server/contracts/index.js'
import { missingCudaLibraries } from '../../workers/engine/executors/cuda-libraries.js'
import { bancada, type Server } from '../support/bancada.js'
import { Workbench } from '../support/workbench.js'

describe('devices', () => {
  let bench: Workbench
  let server: Server

  beforeAll(async () => {
    bench = await Workbench.open('devices')
    server = bench.server
  })
  afterAll(() => bench?.close())

  it('are recorded by what computed, and one that is missing fails its run and no other', async () => {
    const fixed = { steps: 2, batchSize: 2, maxLength: 96, evalEvery: 2, evalLimit: 2, testLimit: 2, trainLimit: 4 }
    const { runs } = await bench.run({ name: 'Two devices', kind: 'lora', dataset: 'spam', axes: { device: ['tfjs-wasm', 'tfjs-node-gpu', 'cuda'] }, fixed })
    const details = await Promise.all(runs.map((run) => server.get<Run>(`/api/runs/${run.id}`)))
    const byDevice = new Map(details.map((run) => [run.params['device'], run]))
    expect(byDevice.get('tfjs-wasm')).toMatchObject({ status: 'succeeded', environment: { device: 'tfjs-wasm (one CPU thread, TensorFlow.js 4.22.0)' } })
    expect(byDevice.get('tfjs-node-gpu')).toMatchObject({ status: 'failed', error: { code: 'package_missing', message: expect.stringContaining('npm install --prefix') } })
    if (missingCudaLibraries().length > 0) expect(byDevice.get('cuda')).toMatchObject({ status: 'failed', error: { code: 'device_missing', message: expect.stringContaining('libonnxruntime_providers_cuda.so') } })
  })

  it('are listed by the doctor, each with what it lacks', async () => {
    const { output } = await bancada(server.url, 'doctor')
    expect(output).toContain('✓ ok      tfjs-wasm      one CPU thread, TensorFlow.js 4.22.0')
    expect(output).toMatch(/· absent {2}tfjs-node-gpu +device "tfjs-node-gpu" needs the package @tensorflow\/tfjs-node-gpu 4\.22\.0, which is not installed\. Install it with: npm install --prefix/)
  })
})
