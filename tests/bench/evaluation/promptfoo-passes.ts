/*
 * promptfoo over the bench's items and endpoint: a first pass, and one from its own cache. This process and
 * the two it starts live in a network namespace whose only way is loopback (see promptfoo.ts).
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Contestant, serveRequests } from '../frame/contestant.js'
import type { PeerAnswer, PeerPass, PeerRequest } from './promptfoo.js'
import { sums, type Sum } from './sums.js'

const MEMORY_EVERY_MS = 50
/** promptfoo's exit code where an assertion failed: the sums are never equal to the bare number. */
const SOME_FAILED = 100

/** Reports to its makers, updates and remote generation off, as far as they can be. */
const QUIET = { PROMPTFOO_DISABLE_TELEMETRY: '1', PROMPTFOO_DISABLE_UPDATE: '1', PROMPTFOO_DISABLE_REMOTE_GENERATION: 'true', PROMPTFOO_DISABLE_SHARING: '1', PROMPTFOO_SELF_HOSTED: '1' }

async function passes({ folder, count, concurrency }: PeerRequest): Promise<PeerAnswer> {
  const home = await mkdtemp(join(tmpdir(), 'bancada-bench-promptfoo-'))
  try {
    await using endpoint = Contestant.node(new URL('./endpoint.js', import.meta.url))
    const { port } = await endpoint.ask<{ port: number }>({})
    const config = join(home, 'config.json')
    await writeFile(config, JSON.stringify(configOf(sums(count), port)))
    let before = 0
    const pass = async (): Promise<PeerPass> => {
      const taken = await runOnce({ folder, home, config, concurrency })
      const { calls } = await endpoint.ask<{ calls: number }>({})
      ;[before, taken.calls] = [calls, calls - before]
      return taken
    }
    const first = await pass()
    const storedBytes = await sizeOf(join(home, 'state'))
    const again = await pass()
    if (first.calls < count || again.calls > count / 50) throw new Error(`promptfoo made ${first.calls} calls for ${count} items, and ${again.calls} when its cache held them`)
    return { first, again, storedBytes }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** The same two scorers as ours: equal to the target, and containing it. */
function configOf(items: readonly Sum[], port: number): object {
  return {
    prompts: ['{{question}}'],
    providers: [{ id: 'openai:chat:bench', config: { apiBaseUrl: `http://127.0.0.1:${port}/v1`, apiKey: 'none', temperature: 0 } }],
    tests: items.map(({ input, target }) => ({ vars: { question: input }, assert: [{ type: 'equals', value: target }, { type: 'contains', value: target }] })),
  }
}

async function runOnce({ folder, home, config, concurrency }: { folder: string; home: string; config: string; concurrency: number }): Promise<PeerPass> {
  const program = join(folder, 'node_modules/promptfoo/dist/src/main.js')
  const startedMs = performance.now()
  const child = spawn(process.execPath, [program, 'eval', '-c', config, '-j', String(concurrency), '--no-table', '--no-progress-bar'], {
    cwd: home,
    env: { ...process.env, ...QUIET, PROMPTFOO_CONFIG_DIR: join(home, 'state') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2_000)))
  let peakBytes = 0
  const watch = setInterval(() => (peakBytes = Math.max(peakBytes, peakOf(child.pid))), MEMORY_EVERY_MS)
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(watch)
  if (code !== 0 && code !== SOME_FAILED) throw new Error(`promptfoo ended with ${code}: ${said}`)
  return { seconds: (performance.now() - startedMs) / 1000, peakBytes, calls: 0 }
}

function peakOf(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024
  } catch {
    return 0 // It has just ended; what was seen before stays.
  }
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  return bytes
}

await serveRequests(passes)
