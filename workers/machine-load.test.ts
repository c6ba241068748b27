import { expect, it } from 'vitest'
import { LoadSchema } from '../server/contracts/index.js'
import { MachineLoad, parseGpuLoads } from './machine-load.js'

it('tells shares and bytes that fit the contract, the cores from the second look on', async () => {
  const load = new MachineLoad()
  expect((await load.read([])).cpu).toBeNull()
  // Some work, so that the clock of the cores moves between the looks.
  const until = performance.now() + 60
  while (performance.now() < until);
  const second = LoadSchema.parse(await load.read([]))
  expect(second.cpu).toBeGreaterThan(0)
  expect(second.memoryUsedBytes).toBeGreaterThan(0)
  expect(second.memoryUsedBytes).toBeLessThan(second.memoryTotalBytes)
})

it('reads what nvidia-smi prints, and leaves out what a GPU does not tell', () => {
  expect(parseGpuLoads('0, 37, 1024, 81559\n1, [N/A], 3, 81559\n')).toEqual([{ device: 'cuda:0', busy: 0.37, memoryUsedBytes: 2 ** 30, memoryTotalBytes: 81559 * 2 ** 20 }])
  expect(parseGpuLoads('')).toEqual([])
})
