/** `bancada cache`: what is stored of models' replies, and pruning it. */
import type { CacheInfo, CachePrune, CachePruned } from '../contracts/index.js'
import type { Client } from './client.js'
import type { Output } from './commands.js'
import { bytes } from './format.js'

export async function showCache(client: Client, output: Output): Promise<void> {
  const info = await client.get<CacheInfo>('/api/cache')
  output.print(output.json ? JSON.stringify(info) : describe(info))
}

export async function pruneCache(client: Client, output: Output, which: Partial<CachePrune>): Promise<void> {
  const pruned = await client.post<CachePruned>('/api/cache/prune', { text: JSON.stringify(which), type: 'application/json' })
  output.print(output.json ? JSON.stringify(pruned) : `Forgot ${counted(pruned.removed)}. ${describe(pruned)}`)
}

function describe({ entries, sizeBytes, oldest, newest }: CacheInfo): string {
  const span = oldest === null || newest === null ? '' : `, stored from ${oldest.slice(0, 10)} to ${newest.slice(0, 10)}`
  return `${counted(entries)} in ${bytes(sizeBytes)}${span}.`
}

function counted(replies: number): string {
  return `${replies} stored ${replies === 1 ? 'reply' : 'replies'}`
}
