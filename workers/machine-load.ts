/* How busy this machine is: its cores since the last look, its memory, and its NVIDIA GPUs where their tool is there. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { cpus, freemem, totalmem } from 'node:os'
import { promisify } from 'node:util'
import type { Device, Load } from '../server/contracts/index.js'

const SMI_TIMEOUT_MS = 2_000

interface CoreTimes {
  busy: number
  total: number
}

export class MachineLoad {
  #before: CoreTimes | null = null

  /** Never rejects: a figure that cannot be had is left out. */
  async read(devices: readonly Device[]): Promise<Load> {
    const now = coreTimes()
    const before = this.#before
    this.#before = now
    const memoryTotalBytes = totalmem()
    return {
      cpu: before === null || now.total <= before.total ? null : clamp((now.busy - before.busy) / (now.total - before.total)),
      memoryUsedBytes: Math.max(0, memoryTotalBytes - (await availableBytes())),
      memoryTotalBytes,
      gpus: devices.some(({ kind }) => kind === 'cuda') ? await gpuLoads() : [],
    }
  }
}

const clamp = (share: number): number => Math.min(1, Math.max(0, share))

function coreTimes(): CoreTimes {
  const times = { busy: 0, total: 0 }
  for (const { times: core } of cpus()) {
    const busy = core.user + core.nice + core.sys + core.irq
    times.busy += busy
    times.total += busy + core.idle
  }
  return times
}

/** What programs could still take. Linux counts files kept in memory as used, though it would give them up. */
async function availableBytes(): Promise<number> {
  if (process.platform !== 'linux') return freemem()
  try {
    const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1]
    return kibibytes === undefined ? freemem() : Number(kibibytes) * 1024
  } catch {
    // Some containers hide it.
    return freemem()
  }
}

async function gpuLoads(): Promise<Load['gpus']> {
  const query = ['--query-gpu=index,utilization.gpu,memory.used,memory.total', '--format=csv,noheader,nounits']
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: SMI_TIMEOUT_MS })
    return parseGpuLoads(stdout)
  } catch {
    // A driver without its tool: how busy the GPU is stays unknown.
    return []
  }
}

/** One line per GPU: index, per cent, used and all memory in MiB. Lines with a figure that the GPU does not tell are left out. */
export function parseGpuLoads(stdout: string): Load['gpus'] {
  return stdout
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .flatMap(([index, percent, used, all]) => {
      const figures = [percent, used, all].map((field) => (field === undefined || field === '' ? Number.NaN : Number(field)))
      const [busy = Number.NaN, usedMib = Number.NaN, allMib = Number.NaN] = figures
      if (index === undefined || figures.some(Number.isNaN)) return []
      return [{ device: `cuda:${index}`, busy: clamp(busy / 100), memoryUsedBytes: usedMib * 2 ** 20, memoryTotalBytes: allMib * 2 ** 20 }]
    })
}
