/*
 * Reads the chunks of metric series for a chart: the points themselves, or, where a series is so long that the chart
 * cannot show them, the overviews of its full chunks.
 */
import type { MetricSeries } from '../contracts/index.js'
import type { Database } from './database.js'
import { bucketGroups, bucketPoints, type PointArrays } from './metric-buckets.js'
import { type PackedPoints, readOverview, readPoints } from './packed-metrics.js'

export interface ChunkQuery {
  keys?: readonly string[] | undefined
  maxPoints: number
  from?: number | undefined
  to?: number | undefined
}

/** One chunk by its points, or all chunks of a series that are read by their overviews. */
export type Chunk = { run_id: string; key: string } & (({ overview: null } & PackedPoints) | { overview: string; steps: null; values: null; times: null })

/** Groups of a full chunk in the three grains of metric_overview(). */
const [COARSE, MIDDLE, FINE] = [1, 4, 16]

const rangeOf = ({ from = 0, to = 2 ** 31 - 1 }: ChunkQuery): { from: number; to: number } => ({ from, to })

/** In the order of runs, keys and steps. Of the grains the coarsest is taken that has at least as many groups as the chart has buckets. */
export async function readChunks(client: Database['client'], runIds: readonly string[], query: ChunkQuery): Promise<Chunk[]> {
  const { from, to } = rangeOf(query)
  const keys = query.keys === undefined ? null : [...query.keys]
  const buckets = Math.ceil(query.maxPoints / 2)
  return client.$queryRaw<Chunk[]>`
    SELECT run_id, key, encode(string_agg(overview[grain], ''::bytea ORDER BY first_step), 'base64') AS overview,
           encode(string_agg(array_send(steps), ''::bytea) FILTER (WHERE grain IS NULL), 'base64') AS steps,
           encode(string_agg(array_send("values"), ''::bytea) FILTER (WHERE grain IS NULL), 'base64') AS values,
           encode(string_agg(array_send(times), ''::bytea) FILTER (WHERE grain IS NULL), 'base64') AS times
    FROM (SELECT *, CASE WHEN overview IS NOT NULL AND first_step >= ${from}::int AND last_step <= ${to}::int THEN
                         CASE WHEN chunks * ${COARSE}::int >= ${buckets}::int THEN 1 WHEN chunks * ${MIDDLE}::int >= ${buckets}::int THEN 2 WHEN chunks * ${FINE}::int >= ${buckets}::int THEN 3 END END AS grain
          FROM (SELECT *, count(*) OVER (PARTITION BY run_id, key) AS chunks FROM metric_chunk
                WHERE run_id = ANY(${[...runIds]}::text[]) AND (${keys}::text[] IS NULL OR key = ANY(${keys}::text[])) AND last_step >= ${from}::int AND first_step <= ${to}::int) counted) graded
    GROUP BY run_id, key, CASE WHEN grain IS NULL THEN first_step ELSE -1 END
    ORDER BY run_id, key, min(first_step)`
}

/** Every series of one run, with the time of its first point. */
export function seriesOf(chunks: readonly Chunk[], query: ChunkQuery): (MetricSeries & { startTime: number })[] {
  const range = rangeOf(query)
  return [...Map.groupBy(chunks, (chunk) => chunk.key)].flatMap(([key, own]) => {
    if (own.every(({ overview }) => overview === null)) {
      const points = joinChunks(own, range)
      return points.steps.length === 0 ? [] : [{ key, points: points.steps.length, startTime: points.times[0] ?? 0, buckets: bucketPoints(points, query.maxPoints) }]
    }
    // A chunk that is not full, or of which only a part is asked for, is put into as many groups as the finest overview has.
    const groups = own.flatMap((chunk) => (chunk.overview === null ? bucketPoints(joinChunks([chunk], range), 2 * FINE) : readOverview(chunk.overview))).sort((a, b) => a.firstStep - b.firstStep)
    const buckets = bucketGroups(groups, query.maxPoints)
    // A group knows the time of its last point alone: the first point lies at most a group of steps earlier.
    return [{ key, points: groups.reduce((sum, { n }) => sum + n, 0), startTime: groups[0]?.lastTime ?? 0, buckets }]
  })
}

function joinChunks(chunks: readonly Chunk[], range: { from: number; to: number }): PointArrays {
  const joined: PointArrays = { steps: [], values: [], times: [] }
  for (const chunk of chunks) if (chunk.overview === null) readPoints(joined, chunk, range)
  return joined
}
