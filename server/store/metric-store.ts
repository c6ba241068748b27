/*
 * Metric series, stored as chunks of arrays: one row per 2,048 points at most, because charts
 * read whole ranges. A series ascends in steps; what is sent again is dropped.
 */
import { AppError, fromWire, type MetricPoint, type MetricSeries, type RunSeries } from '../contracts/index.js'
import type { Change, Database, Session } from './database.js'
import { holdRun } from './fence.js'
import type { PointArrays } from './metric-buckets.js'
import { readChunks, seriesOf } from './metric-chunks.js'
import { columnsOf } from './series-columns.js'
import { arrayLiteral, storable } from './text.js'

/** A chunk is rewritten when points are appended to it, so it must stay small; it is read whole, so not too small. */
export const CHUNK_POINTS = 2048

interface SeriesTail {
  key: string
  last_step: number
  tail_first: number
  tail_size: number
}

interface Piece extends PointArrays {
  key: string
}

export interface MetricQuery {
  keys?: readonly string[] | undefined
  maxPoints: number
  from?: number | undefined
  to?: number | undefined
}

export class MetricStore {
  constructor(private readonly database: Database) {}

  /** Appends points of a run that `attempt` holds; points at or before the last step of their series are dropped. */
  async append(runId: string, attempt: number, points: readonly MetricPoint[]): Promise<void> {
    await this.database.write(async (change) => {
      const held = await holdRun(change, runId, attempt)
      if (points.length === 0) return
      const stored = await appendPoints(change, runId, points)
      if (stored > 0) change.tell('run.metrics', { experimentId: held.experimentId, runId })
    })
  }

  /** Every asked series in buckets; a range is given in steps, both ends included. */
  async read(runId: string, query: MetricQuery): Promise<MetricSeries[]> {
    return seriesOf(await readChunks(this.database.client, [runId], query), query)
  }

  /**
   * The same of several runs, column by column.
   * @param digits significant digits of the values; undefined keeps them all
   * @throws {AppError} `not_found` for a run that does not exist
   */
  async readMany(runIds: readonly string[], query: MetricQuery & { digits?: number | undefined }): Promise<RunSeries[]> {
    const known = await this.database.client.run.findMany({ where: { id: { in: [...runIds] } }, select: { id: true } })
    const ids = new Set(known.map(({ id }) => id))
    const missing = runIds.find((id) => !ids.has(id))
    if (missing !== undefined) throw new AppError('not_found', `There is no run ${missing}.`)
    const byRun = Map.groupBy(await readChunks(this.database.client, runIds, query), (chunk) => chunk.run_id)
    return runIds.map((runId) => ({ runId, series: seriesOf(byRun.get(runId) ?? [], query).map((series) => columnsOf(series, query.digits)) }))
  }
}

async function appendPoints(change: Change, runId: string, points: readonly MetricPoint[]): Promise<number> {
  const { session } = change
  const pointsOf = Map.groupBy(points, (point) => storable(point.key))
  const tails = await session.$queryRaw<SeriesTail[]>`
    SELECT key, last_step, tail_first, tail_size FROM metric_series WHERE run_id = ${runId} AND key = ANY(${[...pointsOf.keys()]}::text[])`
  const tailOf = new Map(tails.map((tail) => [tail.key, tail]))
  const appended: (Piece & { tailFirst: number })[] = []
  const fresh: Piece[] = []
  let stored = 0
  for (const [key, sent] of pointsOf) {
    const tail = tailOf.get(key)
    const piece = { key, ...newPoints(sent, tail?.last_step ?? -1) }
    if (piece.steps.length === 0) continue
    stored += piece.steps.length
    if (tail !== undefined && tail.tail_size + piece.steps.length <= CHUNK_POINTS) appended.push({ ...piece, tailFirst: tail.tail_first })
    else for (let start = 0; start < piece.steps.length; start += CHUNK_POINTS) fresh.push(slicePiece(piece, start, start + CHUNK_POINTS))
  }
  if (appended.length > 0) await extendChunks(session, runId, appended)
  if (fresh.length > 0) await insertChunks(session, runId, fresh)
  if (fresh.length > 0) await sealChunks(session, runId, sealedBy(fresh, tailOf))
  if (stored > 0) await moveTails(session, runId, { appended, fresh })
  return stored
}

/** The points beyond `lastStep`, ascending; of two with one step the first one counts. */
function newPoints(sent: readonly MetricPoint[], lastStep: number): PointArrays {
  const fresh: PointArrays = { steps: [], values: [], times: [] }
  let last = lastStep
  for (const point of [...sent].sort((a, b) => a.step - b.step)) {
    if (point.step <= last) continue
    last = point.step
    fresh.steps.push(point.step)
    fresh.values.push(fromWire(point.value))
    fresh.times.push(point.time)
  }
  return fresh
}

function slicePiece(piece: Piece, start: number, end: number): Piece {
  return { key: piece.key, steps: piece.steps.slice(start, end), values: piece.values.slice(start, end), times: piece.times.slice(start, end) }
}

function asRecord(piece: Piece): Record<string, unknown> {
  return {
    key: piece.key,
    first_step: piece.steps[0],
    last_step: piece.steps.at(-1),
    steps: arrayLiteral(piece.steps),
    values: arrayLiteral(piece.values),
    times: arrayLiteral(piece.times),
    last_value: String(piece.values.at(-1)),
    last_time: piece.times.at(-1),
    points: piece.steps.length,
  }
}

async function extendChunks(session: Session, runId: string, pieces: (Piece & { tailFirst: number })[]): Promise<void> {
  const records = JSON.stringify(pieces.map((piece) => ({ ...asRecord(piece), tail_first: piece.tailFirst })))
  await session.$executeRaw`
    UPDATE metric_chunk c SET last_step = x.last_step, steps = c.steps || x.steps::int4[], "values" = c."values" || x."values"::float8[], times = c.times || x.times::float8[], overview = NULL
    FROM json_to_recordset(${records}::json) AS x (key text, tail_first int, last_step int, steps text, "values" text, times text)
    WHERE c.run_id = ${runId} AND c.key = x.key AND c.first_step = x.tail_first`
}

async function insertChunks(session: Session, runId: string, pieces: Piece[]): Promise<void> {
  const records = JSON.stringify(pieces.map(asRecord))
  await session.$executeRaw`
    INSERT INTO metric_chunk (run_id, key, first_step, last_step, steps, "values", times)
    SELECT ${runId}, key, first_step, last_step, steps::int4[], "values"::float8[], times::float8[]
    FROM json_to_recordset(${records}::json) AS x (key text, first_step int, last_step int, steps text, "values" text, times text)`
}

/** The chunks to which nothing will be appended any more: all but the last of a series that has begun a new one. */
function sealedBy(fresh: readonly Piece[], tailOf: ReadonlyMap<string, SeriesTail>): { key: string; first_step: number }[] {
  return [...Map.groupBy(fresh, ({ key }) => key)].flatMap(([key, pieces]) => {
    const tail = tailOf.get(key)
    const full = pieces.slice(0, -1).map(({ steps }) => steps[0] ?? 0)
    return [...(tail === undefined ? [] : [tail.tail_first]), ...full].map((firstStep) => ({ key, first_step: firstStep }))
  })
}

/** Writes the overviews of the last chunks of a run that is over, where series are longer than a chunk. Points that come all the same take them away again. */
export async function sealSeries(session: Session, runId: string): Promise<void> {
  await session.$executeRaw`
    UPDATE metric_chunk c SET overview = metric_overview(c.steps, c."values", c.times)
    FROM metric_series s
    WHERE s.run_id = ${runId} AND s.points > s.tail_size AND c.run_id = s.run_id AND c.key = s.key AND c.first_step = s.tail_first`
}

async function sealChunks(session: Session, runId: string, chunks: readonly { key: string; first_step: number }[]): Promise<void> {
  if (chunks.length === 0) return
  await session.$executeRaw`
    UPDATE metric_chunk c SET overview = metric_overview(c.steps, c."values", c.times)
    FROM json_to_recordset(${JSON.stringify(chunks)}::json) AS x (key text, first_step int)
    WHERE c.run_id = ${runId} AND c.key = x.key AND c.first_step = x.first_step`
}

async function moveTails(session: Session, runId: string, pieces: { appended: (Piece & { tailFirst: number })[]; fresh: Piece[] }): Promise<void> {
  const newest = new Map<string, Record<string, unknown>>()
  for (const piece of pieces.appended) newest.set(piece.key, { ...asRecord(piece), tail_first: piece.tailFirst })
  for (const piece of pieces.fresh) {
    const before = Number(newest.get(piece.key)?.['points'] ?? 0)
    newest.set(piece.key, { ...asRecord(piece), tail_first: piece.steps[0], points: before + piece.steps.length, tail_size: piece.steps.length })
  }
  const records = JSON.stringify([...newest.values()].map((record) => ({ tail_size: record['points'], ...record })))
  await session.$executeRaw`
    INSERT INTO metric_series AS s (run_id, key, points, last_step, last_value, last_time, tail_first, tail_size)
    SELECT ${runId}, key, points, last_step, last_value::float8, last_time, tail_first, tail_size
    FROM json_to_recordset(${records}::json) AS x (key text, points int, last_step int, last_value text, last_time float8, tail_first int, tail_size int)
    ON CONFLICT (run_id, key) DO UPDATE SET points = s.points + excluded.points, last_step = excluded.last_step, last_value = excluded.last_value,
      last_time = excluded.last_time, tail_size = CASE WHEN s.tail_first = excluded.tail_first THEN s.tail_size + excluded.tail_size ELSE excluded.tail_size END,
      tail_first = excluded.tail_first`
}
