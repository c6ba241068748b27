/*
 * A folder with what makes a dashboard slow, written straight into its database as the store's own tables hold it (sending 24
 * million points as a worker would takes half an hour): 10 runs with 24 series of 100,000 steps, a sweep of 5,000 runs, and a
 * comparison of 100,000 items.
 */
import { join } from 'node:path'
import { Database } from '../../../server/store/database.js'
import { rootFolder } from '../frame/contestant.js'

export const [RUNS, SERIES, STEPS, SWEEP_RUNS, ITEMS] = [10, 24, 100_000, 5_000, 100_000]
const CHUNK = 2048
const NAMES = ['loss', 'learning_rate', 'grad_norm', 'num_tokens', 'tokens_per_second', 'epoch', 'token_accuracy']
type Client = Database['client']

export async function fill(home: string, steps: number): Promise<void> {
  const database = await Database.open({ folder: join(home, 'db'), migrationsFolder: join(rootFolder, 'prisma/migrations') })
  try {
    await fillCurves(database.client, steps)
    await fillSweep(database.client)
    await fillComparison(database.client)
  } finally {
    await database.close()
  }
}

async function addExperiment(client: Client, { id, kind, axes, metric }: { id: string; kind: string; axes: Record<string, unknown[]>; metric: string }): Promise<void> {
  await client.$executeRaw`INSERT INTO experiment (id, name, kind, dataset, dataset_hash, spec, axes, metrics, primary_metric, tags, notes, status, finished_at)
    VALUES (${id}, ${id}, ${kind}, 'spam', 'h', '{}', ${JSON.stringify(axes)}::json, ${[metric]}::text[], ${metric}, '{}', '', 'succeeded', now())`
}

async function fillCurves(client: Client, steps: number): Promise<void> {
  const rates = Array.from({ length: RUNS }, (_, run) => (run + 1) / 10_000)
  await addExperiment(client, { id: 'curves', kind: 'lora', axes: { learningRate: rates }, metric: 'loss' })
  for (const [run, rate] of rates.entries()) {
    const id = `curve${run}`
    const varied = JSON.stringify({ learningRate: rate })
    await client.$executeRaw`INSERT INTO run (id, experiment_id, kind, name, cell, repeat, seed, params, varied, dataset, dataset_hash, color_slot, status, started_at, finished_at)
      VALUES (${id}, 'curves', 'lora', ${`learningRate=${rate}`}, ${run}, 0, 1, ${varied}::json, ${varied}::json, 'spam', 'h', ${run}, 'succeeded', now(), now())`
    for (let series = 0; series < SERIES; series++) await addSeries(client, { id, key: `train/${NAMES[series] ?? `series_${series}`}`, steps, height: 1 + series + run / 5 })
  }
  await client.$executeRaw`
    UPDATE metric_chunk SET overview = metric_overview(steps, "values", times)`
}

/** A falling curve with noise. */
async function addSeries(client: Client, { id, key, steps, height }: { id: string; key: string; steps: number; height: number }): Promise<void> {
  await client.$executeRaw`
    INSERT INTO metric_chunk (run_id, key, first_step, last_step, steps, "values", times)
    SELECT ${id}, ${key}, min(step), max(step), array_agg(step ORDER BY step), array_agg(value ORDER BY step), array_agg(1.7e12 + step * 50 ORDER BY step)
    FROM (SELECT step, ${height}::float8 * (0.2 + exp(-step * 5.0 / ${steps}::float8)) * (0.9 + 0.2 * random()) AS value FROM generate_series(1, ${steps}::int) AS step) AS points
    GROUP BY (step - 1) / ${CHUNK}::int`
  await client.$executeRaw`
    INSERT INTO metric_series (run_id, key, points, last_step, last_value, last_time, tail_first, tail_size)
    SELECT run_id, key, ${steps}::int, last_step, "values"[cardinality("values")], times[cardinality(times)], first_step, cardinality(steps)
    FROM metric_chunk WHERE run_id = ${id} AND key = ${key} ORDER BY first_step DESC LIMIT 1`
}

async function fillSweep(client: Client): Promise<void> {
  const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)
  await addExperiment(client, { id: 'sweep', kind: 'lora', axes: { rank: range(5), learningRate: range(10), dropout: range(10), batchSize: range(10) }, metric: 'accuracy' })
  await client.$executeRaw`
    INSERT INTO run (id, experiment_id, kind, name, cell, repeat, seed, params, varied, dataset, dataset_hash, color_slot, status, started_at, finished_at, summary)
    SELECT 'sweep' || i, 'sweep', 'lora', 'run ' || i, i, 0, 1, varied, varied, 'spam', 'h', i % 18, 'succeeded', now(), now(),
           json_build_object('primaryMetric', 'accuracy', 'latency', NULL, 'tokensIn', NULL, 'tokensOut', NULL, 'costUsd', NULL, 'durationMs', 1000, 'metrics',
             json_build_object('accuracy', json_build_object('mean', 0.5 + 0.4 * random(), 'n', 200, 'low', 0.4, 'high', 0.95, 'method', 'wilson', 'higherIsBetter', true)))
    FROM (SELECT i, json_build_object('rank', i / 1000 + 1, 'learningRate', i / 100 % 10 + 1, 'dropout', i / 10 % 10 + 1, 'batchSize', i % 10 + 1) AS varied FROM generate_series(0, ${SWEEP_RUNS - 1}::int) AS i) AS runs`
}

async function fillComparison(client: Client): Promise<void> {
  await addExperiment(client, { id: 'items', kind: 'prompt', axes: {}, metric: 'accuracy' })
  for (const cell of [0, 1]) {
    const id = `items${cell}`
    await client.$executeRaw`INSERT INTO run (id, experiment_id, kind, name, cell, repeat, seed, params, varied, dataset, dataset_hash, color_slot, status, finished_at)
      VALUES (${id}, 'items', 'prompt', ${id}, ${cell}, 0, 1, '{}', '{}', 'spam', 'h', ${cell}, 'succeeded', now())`
    await client.$executeRaw`
      INSERT INTO example (run_id, item_id, input, output, target, status, score_keys, score_values, latency_ms, tokens_in, tokens_out, details)
      SELECT ${id}, 'item-' || i, repeat(md5(i::text), 10), repeat(md5((i + 7)::text), 3), 'spam', 'scored', '{accuracy}', ARRAY[(random() < 0.7)::int]::float8[], random() * 1000, 200, 20, '{}' FROM generate_series(1, ${ITEMS}::int) AS i`
  }
}
