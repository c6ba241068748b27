/* The server as a run's child process sees it: JSON asked and answered, and files written to disk as they arrive. */
import { createWriteStream } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerAccess } from './run-context.js'
import { backoffMs, describeFault, ServerRefusal, ServerUnavailable, type ServerClient } from './server-client.js'

const DOWNLOAD_TIMEOUT_MS = 600_000
const MOST_TRIES = 8

export function downloadingAccess(client: ServerClient): ServerAccess {
  return {
    getJson: (path) => client.persist('GET', path),
    postJson: (path, json) => client.persist('POST', path, { json }),
    async download(path, file) {
      for (let tries = 0; ; tries += 1) {
        try {
          return await downloadOnce(client, path, file)
        } catch (fault) {
          if (fault instanceof ServerRefusal) throw fault
          if (tries === MOST_TRIES) throw new ServerUnavailable(`${path} could not be downloaded: ${describeFault(fault)}`, { cause: fault })
          await sleep(backoffMs(tries, 200, 3_000))
        }
      }
    },
  }
}

/** Under a passing name first: a file that bears its own name is whole. */
async function downloadOnce(client: ServerClient, path: string, file: string): Promise<number> {
  const response = await client.send('GET', path, { timeoutMs: DOWNLOAD_TIMEOUT_MS })
  if (response.body === null) throw new ServerUnavailable(`${path} was answered without a body`)
  const partial = `${file}.part`
  await pipeline(Readable.fromWeb(response.body as ReadableStream<Uint8Array>), createWriteStream(partial))
  await rename(partial, file)
  return (await stat(file)).size
}
