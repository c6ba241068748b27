/* Two runs of 100,000 answered items in the embedded database, compared over HTTP by the built server. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Database } from '../../../server/store/database.js'
import { rootFolder } from '../frame/contestant.js'

const ITEMS = 100_000
/** Characters of input and output of an answer, as few-shot prompts have them. */
const INPUT = 640
const OUTPUT = 128

async function fill(home: string): Promise<void> {
  const database = await Database.open({ folder: join(home, 'db'), migrationsFolder: join(rootFolder, 'prisma/migrations') })
  try {
    await database.client.$executeRawUnsafe(`INSERT INTO experiment (id, name, kind, dataset, dataset_hash, spec, axes, metrics, primary_metric, tags, notes)
      VALUES ('e', 'Comparison', 'prompt', 'd', 'h', '{}', '{}', '{accuracy}', 'accuracy', '{}', '')`)
    for (const [cell, accuracy] of [0.7, 0.72].entries()) {
      const id = `run${cell}`
      await database.client.$executeRaw`INSERT INTO run (id, experiment_id, kind, name, cell, repeat, seed, params, varied, dataset, dataset_hash, color_slot)
        VALUES (${id}, 'e', 'prompt', ${id}, ${cell}, 0, 1, '{}', '{}', 'd', 'h', ${cell})`
      await database.client.$executeRaw`
        INSERT INTO example (run_id, item_id, input, output, target, status, score_keys, score_values, latency_ms, tokens_in, tokens_out, details)
        SELECT ${id}, 'item-' || i, repeat(md5(i::text), ${INPUT / 32}::int), repeat(md5((i + 7)::text), ${OUTPUT / 32}::int), 'spam', 'scored', '{accuracy,loss}',
               ARRAY[(random() < ${accuracy}::float8)::int, random()]::float8[], random() * 1000, 200, 20, '{"finishReason":"stop"}' FROM generate_series(1, ${ITEMS}::int) i`
    }
  } finally {
    await database.close()
  }
}

/** Seconds of the first comparison after the start of the server, and of those that follow. */
export async function timeComparisons(rounds: number): Promise<{ first: number; next: number[] }> {
  const home = await mkdtemp(join(tmpdir(), 'bancada-bench-'))
  try {
    await fill(home)
    const server = spawn(process.execPath, [join(rootFolder, 'dist/server/main.js'), '--port', '0', '--no-worker', '--no-examples'], { env: { ...process.env, BANCADA_HOME: home }, stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(server, 'close')
    try {
      const url = await readyUrl(createInterface({ input: server.stdout }))
      const seconds: number[] = []
      for (let round = 0; round <= rounds; round++) {
        const startedMs = performance.now()
        const response = await fetch(`${url}/api/compare?runs=run0,run1&metric=accuracy&limit=25`)
        const { tests } = (await response.json()) as { tests: { n: number }[] }
        seconds.push((performance.now() - startedMs) / 1000)
        if (tests[0]?.n !== ITEMS) throw new Error(`the comparison is of ${tests[0]?.n ?? 0} items, not of ${ITEMS}`)
      }
      const [first = NaN, ...next] = seconds
      return { first, next }
    } finally {
      server.kill('SIGTERM')
      await ended
    }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

async function readyUrl(lines: AsyncIterable<string>): Promise<string> {
  for await (const line of lines) {
    const url = /ready at (http:\/\/[\w.:]+)/.exec(line)?.[1]
    if (url !== undefined) return url
  }
  throw new Error('the server ended before it was ready; its own message is above')
}
