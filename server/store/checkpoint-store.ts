/*
 * Checkpoints and their sample answers. Files are noted as they arrive; a checkpoint exists only
 * once every file it names is there, so a reader never meets half of one.
 */
import { AppError, fromWire, toWire, type Checkpoint, type CheckpointCommit, type Float, type LossTable, type Sample, type TokenLossTable, unpackFloats } from '../contracts/index.js'
import type { Database, Session } from './database.js'
import { holdRun, noSuchRun } from './fence.js'
import { arrayLiteral, storable, storableOrNull } from './text.js'

export interface CheckpointFile {
  name: string
  sizeBytes: number
  sha256: string
}

/** A checkpoint as stored; which one is best is for the domain to say. */
export type StoredCheckpoint = Omit<Checkpoint, 'best'>

export class CheckpointStore {
  constructor(private readonly database: Database) {}

  /** Refuses an upload before its bytes are read when the attempt has lost the run. */
  async assertHeld(runId: string, attempt: number): Promise<void> {
    await this.database.write(async (change) => {
      await holdRun(change, runId, attempt)
    })
  }

  /** Notes a file whose bytes are stored. A file sent again replaces what was not yet committed. */
  async addFile(at: { runId: string; step: number; attempt: number }, file: CheckpointFile): Promise<void> {
    await this.database.write(async (change) => {
      await holdRun(change, at.runId, at.attempt)
      const where = { runId_step_name: { runId: at.runId, step: at.step, name: file.name } }
      const known = await change.session.checkpointFile.findUnique({ where })
      if (known?.committed === true) {
        if (known.sha256 === file.sha256) return
        throw new AppError('conflict', `Checkpoint ${at.step} of run ${at.runId} is committed, and its file ${file.name} has other content.`)
      }
      const content = { sizeBytes: BigInt(file.sizeBytes), sha256: file.sha256 }
      await change.session.checkpointFile.upsert({ where, update: content, create: { runId: at.runId, step: at.step, name: file.name, ...content } })
    })
  }

  /** Makes the checkpoint exist, with its metrics and samples. Sent twice, it is committed once. */
  async commit(runId: string, step: number, commit: CheckpointCommit): Promise<void> {
    await this.database.write(async (change) => {
      const held = await holdRun(change, runId, commit.attempt)
      const { session } = change
      if ((await session.checkpoint.count({ where: { runId, step } })) > 0) return
      await assertUploaded(session, { runId, step }, commit.files)
      const names = commit.files.map((file) => file.name)
      await session.checkpointFile.deleteMany({ where: { runId, step, name: { notIn: names } } })
      await session.checkpointFile.updateMany({ where: { runId, step }, data: { committed: true } })
      const keys = Object.keys(commit.metrics).map(storable)
      const values = arrayLiteral(Object.values(commit.metrics).map(fromWire))
      const sizeBytes = commit.files.reduce((sum, file) => sum + file.sizeBytes, 0)
      await session.$executeRaw`
        INSERT INTO checkpoint (run_id, step, metric_keys, metric_values, size_bytes) VALUES (${runId}, ${step}, ${keys}::text[], ${values}::text::float8[], ${sizeBytes}::float8::bigint)`
      await session.sample.createMany({ data: commit.samples.map((sample) => ({ runId, ...storableSample(sample) })), skipDuplicates: true })
      await insertLosses(session, { runId, step }, commit)
      await insertTokenLosses(session, runId, commit)
      await session.$executeRaw`UPDATE run SET progress_attempt = ${commit.attempt} WHERE id = ${runId}`
      change.tell('run.checkpoint', { experimentId: held.experimentId, runId })
    })
  }

  /**
   * Forgets a checkpoint that its run no longer wants, and gives the hashes of files that nothing names any more.
   * Somebody's pick stays, and so does the last checkpoint, from which the run would go on. Its sample answers stay readable.
   */
  async drop(runId: string, step: number, attempt: number): Promise<string[]> {
    return this.database.write(async (change) => {
      const held = await holdRun(change, runId, attempt)
      const { session } = change
      const run = await session.run.findUniqueOrThrow({ where: { id: runId }, select: { pickedStep: true } })
      const last = await session.checkpoint.findFirst({ where: { runId }, orderBy: { step: 'desc' }, select: { step: true } })
      if (run.pickedStep === step || last?.step === step) return []
      const { count } = await session.checkpoint.deleteMany({ where: { runId, step } })
      if (count === 0) return []
      const files = await session.checkpointFile.findMany({ where: { runId, step }, select: { sha256: true } })
      await session.checkpointFile.deleteMany({ where: { runId, step } })
      const kept = await session.checkpointFile.findMany({ where: { runId, sha256: { in: files.map(({ sha256 }) => sha256) } }, select: { sha256: true } })
      change.tell('run.checkpoint', { experimentId: held.experimentId, runId })
      const named = new Set(kept.map(({ sha256 }) => sha256))
      return [...new Set(files.map(({ sha256 }) => sha256))].filter((sha256) => !named.has(sha256))
    })
  }

  async list(runId: string): Promise<StoredCheckpoint[]> {
    const run = await this.database.client.run.findUnique({ where: { id: runId }, select: { pickedStep: true } })
    if (run === null) throw noSuchRun(runId)
    const rows = await this.database.client.$queryRaw<{ step: number; metric_keys: string[]; metrics: Float[]; size_bytes: number; created_at: Date }[]>`
      SELECT step, metric_keys, to_json(metric_values) AS metrics, size_bytes::float8 AS size_bytes, created_at FROM checkpoint WHERE run_id = ${runId} ORDER BY step`
    const files = await this.database.client.checkpointFile.findMany({ where: { runId, committed: true }, orderBy: [{ step: 'asc' }, { name: 'asc' }] })
    const filesOf = Map.groupBy(files, (file) => file.step)
    return rows.map((row) => ({
      runId,
      step: row.step,
      metrics: Object.fromEntries(row.metric_keys.map((key, index) => [key, row.metrics[index] ?? toWire(Number.NaN)])),
      sizeBytes: row.size_bytes,
      files: (filesOf.get(row.step) ?? []).map((file) => ({ name: file.name, sizeBytes: Number(file.sizeBytes), sha256: file.sha256 })),
      picked: run.pickedStep === row.step,
      createdAt: row.created_at.toISOString(),
    }))
  }

  /** A file of a committed checkpoint. */
  async file(runId: string, step: number, name: string): Promise<CheckpointFile> {
    const row = await this.database.client.checkpointFile.findUnique({ where: { runId_step_name: { runId, step, name } } })
    if (row === null || !row.committed) throw new AppError('not_found', `Run ${runId} has no file "${name}" in a checkpoint at step ${step}.`)
    return { name, sizeBytes: Number(row.sizeBytes), sha256: row.sha256 }
  }

  /** Picks the checkpoint at `step`, in place of any other of the run. */
  async pick(runId: string, step: number): Promise<void> {
    await this.database.write(async (change) => {
      // The run's row first: it holds off a worker that drops the checkpoint at this very moment.
      await change.session.$queryRaw`SELECT id FROM run WHERE id = ${runId} FOR UPDATE`
      if ((await change.session.checkpoint.count({ where: { runId, step } })) === 0) {
        const steps = await change.session.checkpoint.findMany({ where: { runId }, orderBy: { step: 'asc' }, select: { step: true } })
        const known = steps.length === 0 ? 'it has none' : `it has them at ${steps.map((row) => row.step).join(', ')}`
        throw new AppError('not_found', `Run ${runId} has no checkpoint at step ${step}; ${known}.`)
      }
      const run = await change.session.run.update({ where: { id: runId }, data: { pickedStep: step }, select: { experimentId: true } })
      change.tell('run.checkpoint', { experimentId: run.experimentId, runId })
      change.tell('run.updated', { experimentId: run.experimentId, runId })
    })
  }

  /** Takes the pick back; nothing happens when another checkpoint is picked. */
  async unpick(runId: string, step: number): Promise<void> {
    await this.database.write(async (change) => {
      const run = await change.session.run.findUnique({ where: { id: runId }, select: { experimentId: true, pickedStep: true } })
      if (run === null) throw noSuchRun(runId)
      if (run.pickedStep !== step) return
      await change.session.run.update({ where: { id: runId }, data: { pickedStep: null } })
      change.tell('run.checkpoint', { experimentId: run.experimentId, runId })
      change.tell('run.updated', { experimentId: run.experimentId, runId })
    })
  }

  /** Items in the order in which they were first evaluated. */
  async losses(runId: string): Promise<LossTable> {
    const rows = await this.database.client.$queryRaw<{ step: number; item_ids: string[]; losses: Float[]; tokens: number[]; evaluated: number }[]>`
      SELECT step, item_ids, to_json(losses) AS losses, tokens, coalesce(evaluated_items, cardinality(item_ids)) AS evaluated FROM item_loss WHERE run_id = ${runId} ORDER BY step`
    const items = new Map<string, number>()
    for (const row of rows) for (const [index, id] of row.item_ids.entries()) if (!items.has(id)) items.set(id, row.tokens[index] ?? 0)
    const evaluations = rows.map((row) => {
      const lossOf = new Map(row.item_ids.map((id, index) => [id, row.losses[index] ?? null]))
      return { step: row.step, losses: [...items.keys()].map((id) => lossOf.get(id) ?? null) }
    })
    const kept = await this.database.client.tokenLoss.groupBy({ by: ['itemId'], where: { runId }, _count: true })
    const keptOf = new Map(kept.map((row) => [row.itemId, row._count]))
    return { evaluatedItems: Math.max(items.size, ...rows.map(({ evaluated }) => evaluated)), items: [...items].map(([id, tokens]) => ({ id, tokens, tokenEvaluations: keptOf.get(id) ?? 0 })), evaluations }
  }

  async tokenLosses(runId: string, itemId: string): Promise<TokenLossTable> {
    const { client } = this.database
    const item = await client.itemTokens.findUnique({ where: { runId_itemId: { runId, itemId } } })
    if (item === null) throw new AppError('not_found', `Run ${runId} kept no losses of single tokens for item "${itemId}"; GET /api/runs/${runId}/losses tells for which items it did.`)
    const rows = await client.tokenLoss.findMany({ where: { runId, itemId }, orderBy: { step: 'asc' } })
    return {
      itemId,
      pieces: item.texts.map((text, index) => ({ text, counted: item.counted[index] ?? false })),
      evaluations: rows.map(({ step, losses }) => ({ step, losses: unpackFloats(losses).map(toWire) })),
    }
  }

  async samples(runId: string): Promise<Sample[]> {
    return this.database.client.sample.findMany({ where: { runId }, orderBy: [{ step: 'asc' }, { index: 'asc' }], omit: { runId: true } })
  }
}

async function insertLosses(session: Session, at: { runId: string; step: number }, { losses, evaluatedItems }: Pick<CheckpointCommit, 'losses' | 'evaluatedItems'>): Promise<void> {
  if (losses.length === 0) return
  const ids = losses.map(({ itemId }) => storable(itemId))
  await session.$executeRaw`
    INSERT INTO item_loss (run_id, step, item_ids, losses, tokens, evaluated_items)
    VALUES (${at.runId}, ${at.step}, ${ids}::text[], ${arrayLiteral(losses.map(({ loss }) => fromWire(loss)))}::text::float8[], ${losses.map(({ tokens }) => tokens)}::int[], ${evaluatedItems ?? null}::int)
    ON CONFLICT DO NOTHING`
}

/** An attempt that resumes knows not what the one before it has sent: what is there stays. */
async function insertTokenLosses(session: Session, runId: string, { itemTokens = [], tokenLosses = [] }: Pick<CheckpointCommit, 'itemTokens' | 'tokenLosses'>): Promise<void> {
  const texts = itemTokens.map((item) => ({ runId, itemId: storable(item.itemId), texts: item.texts.map(storable), counted: item.counted }))
  if (texts.length > 0) await session.itemTokens.createMany({ data: texts, skipDuplicates: true })
  const losses = tokenLosses.map((item) => ({ runId, itemId: storable(item.itemId), step: item.step, losses: Buffer.from(item.losses, 'base64') }))
  if (losses.length > 0) await session.tokenLoss.createMany({ data: losses, skipDuplicates: true })
}

async function assertUploaded(session: Session, at: { runId: string; step: number }, files: readonly CheckpointFile[]): Promise<void> {
  const stored = new Map((await session.checkpointFile.findMany({ where: at })).map((row) => [row.name, row]))
  const problems = files.flatMap((file) => {
    const row = stored.get(file.name)
    if (row === undefined) return [{ path: `files.${file.name}`, message: 'was not uploaded' }]
    if (row.sha256 === file.sha256 && Number(row.sizeBytes) === file.sizeBytes) return []
    return [{ path: `files.${file.name}`, message: 'arrived with other content', seen: `${row.sizeBytes} bytes, ${row.sha256}`, allowed: `${file.sizeBytes} bytes, ${file.sha256}` }]
  })
  if (problems.length > 0) throw new AppError('invalid_request', `Checkpoint ${at.step} of run ${at.runId} is not complete; upload its files again, then commit.`, { problems })
}

function storableSample(sample: Sample): Sample {
  return { ...sample, prompt: storable(sample.prompt), output: storable(sample.output), expected: storableOrNull(sample.expected) }
}
