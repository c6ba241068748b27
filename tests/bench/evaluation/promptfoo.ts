/*
 * The peer of the evaluation bench, where it is installed: BANCADA_BENCH_PROMPTFOO names the folder whose
 * node_modules hold it. It runs in a network namespace of its own, because it reports its use to its makers
 * even where that is turned off.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Contestant } from '../frame/contestant.js'

export interface PeerRequest {
  folder: string
  count: number
  concurrency: number
}

export interface PeerPass {
  /** From its start to its end, as its users wait. */
  seconds: number
  peakBytes: number
  /** It asks some items twice, and its cache answers the second pass. */
  calls: number
}

export interface PeerAnswer {
  first: PeerPass
  again: PeerPass
  /** Its database and cache after the first pass. */
  storedBytes: number
}

const IN_NAMESPACE = ['-rn', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"']

/** The folder to find it in, or in words why it takes no part. */
export function findPromptfoo(env: NodeJS.ProcessEnv): { folder: string; version: string } | { absent: string } {
  const folder = env['BANCADA_BENCH_PROMPTFOO']
  const how = 'npm install promptfoo in an empty folder and set BANCADA_BENCH_PROMPTFOO to that folder'
  if (folder === undefined || folder === '') return { absent: `promptfoo takes no part: ${how}` }
  const manifest = join(folder, 'node_modules/promptfoo/package.json')
  if (!existsSync(manifest)) return { absent: `promptfoo takes no part: there is no ${manifest}; ${how}` }
  if (spawnSync('unshare', [...IN_NAMESPACE, 'true']).status !== 0) return { absent: 'promptfoo takes no part: no network namespace can be made here (unshare -rn), and it would call out' }
  return { folder, version: (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version }
}

export async function runPromptfoo(request: PeerRequest): Promise<PeerAnswer> {
  await using peer = new Contestant('unshare', [...IN_NAMESPACE, process.execPath, fileURLToPath(new URL('./promptfoo-passes.js', import.meta.url))])
  return await peer.ask<PeerAnswer>(request)
}
