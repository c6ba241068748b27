/*
 * Reads the chunks of metric series for a chart: the points themselves, or, where a series is so long that the chart
 * cannot show them, the overviews of its full chunks.
 */
import { type MetricBucket, type MetricSeries, toWire } from '../contracts/index.js'
import type { Database } from './database.js'
import { bucketGroups, bucketPoints, type PointArrays } from './metric-buckets.js'

export interface ChunkQuery {
  keys?: readonly string[] | undefined
  maxPoints: number
  from?: number | undefined
  to?: number | undefined
}

export interface Chunk {
  run_id: string
  key: string
  /** The points, as array literals; null where the overview is read in their place. */
  steps: string | null
  values: string | null
  times: string | null
  overview: string | null
}

/** Of metric_overview(): numbers of a group, and groups of a full chunk. */
const [NUMBERS, GROUPS_OF_CHUNK] = [8, 16]

const rangeOf = ({ from = 0, to = 2 ** 31 - 1 }: ChunkQuery): { from: number; to: number } => ({ from, to })

/** In the order of runs, keys and steps. The overview is taken where it has at least as many groups as the chart has buckets. */
export async function readChunks(client: Database['client'], runIds: readonly string[], query: ChunkQuery): Promise<Chunk[]> {
  const { from, to } = rangeOf(query)
  const keys = query.keys === undefined ? null : [...query.keys]
  const enough = Math.ceil(query.maxPoints / 2 / GROUPS_OF_CHUNK)
  return client.$queryRaw<Chunk[]>`
    SELECT run_id, key, CASE WHEN short THEN NULL ELSE steps::text END AS steps, CASE WHEN short THEN NULL ELSE "values"::text END AS values,
           CASE WHEN short THEN NULL ELSE times::text END AS times, CASE WHEN short THEN overview::text END AS overview
    FROM (SELECT *, overview IS NOT NULL AND first_step >= ${from}::int AND last_step <= ${to}::int AND count(*) OVER (PARTITION BY run_id, key) >= ${enough}::int AS short
          FROM metric_chunk
          WHERE run_id = ANY(${[...runIds]}::text[]) AND (${keys}::text[] IS NULL OR key = ANY(${keys}::text[])) AND last_step >= ${from}::int AND first_step <= ${to}::int) c
    ORDER BY run_id, key, first_step`
}

/** Every series of one run, with the time of its first point. */
export function seriesOf(chunks: readonly Chunk[], query: ChunkQuery): (MetricSeries & { startTime: number })[] {
  return [...Map.groupBy(chunks, (chunk) => chunk.key)].flatMap(([key, own]) => {
    if (own.every(({ overview }) => overview === null)) {
      const points = joinChunks(own, rangeOf(query))
      return points.steps.length === 0 ? [] : [{ key, points: points.steps.length, startTime: points.times[0] ?? 0, buckets: bucketPoints(points, query.maxPoints) }]
    }
    // A chunk that is not full, or of which only a part is asked for, is put into as many groups as an overview has.
    const groups = own.flatMap((chunk) => (chunk.overview === null ? bucketPoints(joinChunks([chunk], rangeOf(query)), 2 * GROUPS_OF_CHUNK) : readOverview(chunk.overview)))
    const buckets = bucketGroups(groups, query.maxPoints)
    // A group knows the time of its last point alone: the first point lies at most a group of steps earlier.
    return [{ key, points: groups.reduce((sum, { n }) => sum + n, 0), startTime: groups[0]?.lastTime ?? 0, buckets }]
  })
}

function readOverview(text: string): MetricBucket[] {
  const numbers = text.slice(1, -1).split(',')
  const groups: MetricBucket[] = []
  for (let at = 0; at + NUMBERS <= numbers.length; at += NUMBERS) {
    const number = (offset: number): number => Number(numbers[at + offset])
    const hasFinite = numbers[at + 2] !== 'NULL'
    groups.push({
      firstStep: number(0), lastStep: number(1), min: hasFinite ? number(2) : null, max: hasFinite ? number(3) : null,
      last: toWire(number(4)), lastTime: number(5), n: number(6), nonFinite: number(7),
    })
  }
  return groups
}

/** Reads the array literals of PostgreSQL, in which NaN and infinity stand by name, as Number() knows them. */
function joinChunks(chunks: readonly Chunk[], range: { from: number; to: number }): PointArrays {
  const joined: PointArrays = { steps: [], values: [], times: [] }
  for (const chunk of chunks) {
    if (chunk.steps === null || chunk.values === null || chunk.times === null) continue
    const steps = chunk.steps.slice(1, -1).split(',')
    const values = chunk.values.slice(1, -1).split(',')
    const times = chunk.times.slice(1, -1).split(',')
    for (let index = 0; index < steps.length; index += 1) {
      const step = Number(steps[index])
      if (step < range.from || step > range.to) continue
      joined.steps.push(step)
      joined.values.push(Number(values[index]))
      joined.times.push(Number(times[index]))
    }
  }
  return joined
}
