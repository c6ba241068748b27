import type { Session } from './database.js'

/**
 * Forgets every point of a run beyond `step` (-1: all of them), because training goes on from
 * there and will log those steps again.
 */
export async function truncateMetrics(session: Session, runId: string, step: number): Promise<void> {
  await session.$executeRaw`DELETE FROM metric_chunk WHERE run_id = ${runId} AND first_step > ${step}`
  // Steps ascend within a chunk, so the kept ones are its head.
  await session.$executeRaw`
    UPDATE metric_chunk c SET steps = c.steps[1:k.kept], "values" = c."values"[1:k.kept], times = c.times[1:k.kept], last_step = c.steps[k.kept], overview = NULL
    FROM (SELECT key, first_step, (SELECT count(*)::int FROM unnest(steps) AS s WHERE s <= ${step}) AS kept
          FROM metric_chunk WHERE run_id = ${runId} AND last_step > ${step}) k
    WHERE c.run_id = ${runId} AND c.key = k.key AND c.first_step = k.first_step`
  await session.$executeRaw`DELETE FROM metric_series WHERE run_id = ${runId}`
  await session.$executeRaw`
    INSERT INTO metric_series (run_id, key, points, last_step, last_value, last_time, tail_first, tail_size)
    SELECT ${runId}, tail.key, total.points, tail.last_step, tail.last_value, tail.last_time, tail.first_step, tail.size
    FROM (SELECT DISTINCT ON (key) key, last_step, "values"[cardinality("values")] AS last_value, times[cardinality(times)] AS last_time,
                 first_step, cardinality(steps) AS size
          FROM metric_chunk WHERE run_id = ${runId} ORDER BY key, first_step DESC) tail
    JOIN (SELECT key, sum(cardinality(steps))::int AS points FROM metric_chunk WHERE run_id = ${runId} GROUP BY key) total USING (key)`
}
