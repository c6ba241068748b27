import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { AppError } from '../contracts/index.js'
import type { Client } from './client.js'
import type { Output } from './commands.js'
import { bytes } from './format.js'

interface Check {
  name: string
  /** `missing` only matters to those who want that part; `fail` stops Bancada. */
  state: 'ok' | 'missing' | 'fail'
  detail: string
}

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Looks at everything Bancada stands on. Resolves to whether nothing failed. */
export async function doctor(client: Client, output: Output): Promise<boolean> {
  const checks: Check[] = [nodeVersion(), build(), await onnxRuntime(), ...(await devices()), await disk(), memory(), await server(client), ...['chromium', 'redis-server', 'postgres'].map(program)]
  if (output.json) output.print(JSON.stringify(checks))
  else for (const check of checks) output.print(`${{ ok: '✓ ok     ', missing: '· absent ', fail: '✗ fail   ' }[check.state]} ${check.name.padEnd(14)} ${check.detail}`)
  return checks.every((check) => check.state !== 'fail')
}

function nodeVersion(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isEnough = major > 22 || (major === 22 && minor >= 12)
  return { name: 'Node', state: isEnough ? 'ok' : 'fail', detail: `${process.versions.node}${isEnough ? '' : ', but 22.12 or later is needed: npm ci installs one'}` }
}

function build(): Check {
  const missing = ['dist/server/main.js', 'dist/workers/main.js', 'dist/web/index.html'].filter((path) => !existsSync(root + path))
  return { name: 'build', state: missing.length === 0 ? 'ok' : 'fail', detail: missing.length === 0 ? 'server, workers and dashboard are built' : `missing ${missing.join(', ')}: npm run build` }
}

async function onnxRuntime(): Promise<Check> {
  try {
    const ort = await import('onnxruntime-node')
    return { name: 'ONNX Runtime', state: 'ok', detail: `back ends: ${ort.listSupportedBackends().map((backend) => backend.name).join(', ')}; ${availableParallelism()} CPU threads` }
  } catch (error) {
    return { name: 'ONNX Runtime', state: 'fail', detail: `does not load: ${error instanceof Error ? error.message : error}` }
  }
}

/** Asked in a process of the workers: only they may load what computes, and a broken driver must not end this one. */
async function devices(): Promise<Check[]> {
  const path = root + 'dist/workers/device-report.js'
  if (!existsSync(path)) return []
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [path])
    const found = JSON.parse(stdout) as { kind: string; hardware?: string; reason?: string }[]
    return found.map(({ kind, hardware, reason = '' }): Check => (hardware === undefined ? { name: kind, state: 'missing', detail: reason } : { name: kind, state: 'ok', detail: hardware }))
  } catch (error) {
    return [{ name: 'devices', state: 'fail', detail: `could not be asked: ${error instanceof Error ? error.message : error}` }]
  }
}

async function disk(): Promise<Check> {
  const home = process.env['BANCADA_HOME'] ?? '.bancada'
  const { bavail, bsize } = await statfs(existsSync(home) ? home : '.')
  const free = bavail * bsize
  return { name: 'disk', state: free > 500e6 ? 'ok' : 'fail', detail: `${bytes(free)} free for ${home}${free > 500e6 ? '' : ': at least 500 MB are needed'}` }
}

function memory(): Check {
  return { name: 'memory', state: 'ok', detail: `${bytes(freemem())} of ${bytes(totalmem())} free` }
}

async function server(client: Client): Promise<Check> {
  try {
    const health = await client.get<{ version: string; database: string; queue: string }>('/api/health')
    return { name: 'server', state: 'ok', detail: `${client.server}: version ${health.version}, database ${health.database}, queue ${health.queue}` }
  } catch (error) {
    if (error instanceof AppError && error.code === 'unavailable') return { name: 'server', state: 'missing', detail: `none at ${client.server}: npm start` }
    return { name: 'server', state: 'fail', detail: error instanceof Error ? error.message : String(error) }
  }
}

const USE: Record<string, string> = {
  chromium: 'the end-to-end tests need it: apt-get install chromium',
  'redis-server': 'only a queue on Redis needs it (REDIS_URL), and its tests: apt-get install redis-server',
  postgres: 'only a database on PostgreSQL needs it (DATABASE_URL), and its tests: apt-get install postgresql',
}

function program(name: string): Check {
  const found = spawnSync('sh', ['-c', `command -v ${name} || ls -d /usr/lib/postgresql/*/bin/${name} 2>/dev/null | tail -1`], { encoding: 'utf8' }).stdout.trim()
  return found ? { name, state: 'ok', detail: found } : { name, state: 'missing', detail: USE[name] ?? '' }
}
