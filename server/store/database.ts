/*
 * Opens the database, embedded (PGlite) or PostgreSQL, and runs changes in transactions.
 * Every change may tell events; they are stored with it, in the order of the commits, and
 * listeners hear of them only after the commit. Callers never see Prisma.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { PGlite } from '@electric-sql/pglite'
import { PrismaPg } from '@prisma/adapter-pg'
import { Client } from 'pg'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { AppError, type ServerEvent } from '../contracts/index.js'
import { databaseFault } from './database-error.js'
import { assertDiskSpace } from './disk-space.js'
import { PrismaClient, type Prisma } from './generated/client.js'
import { applyMigrations, readMigrations, type Migration } from './migrations.js'

export interface DatabaseOptions {
  /** Folder of the embedded database; used when there is no `url`. */
  folder: string
  /** postgresql://… */
  url?: string | undefined
  migrationsFolder: string
}

export type Session = Prisma.TransactionClient

/** The embedded database itself, for the queue that lives in it, or the address of PostgreSQL. */
export type DatabasePlace = { embedded: PGlite; folder: string } | { url: string }

type EventType = Exclude<ServerEvent['type'], 'reset'>
export interface ToldEvent {
  type: EventType
  experimentId: string | null
  runId: string | null
}

/** One transaction: its statements and the events that will be stored with it. */
export class Change {
  readonly #events = new Map<string, ToldEvent>()

  constructor(readonly session: Session) {}

  /** Readers fetch what changed, so the same event told twice in one change is one event. */
  tell(type: EventType, about: { experimentId?: string | null; runId?: string | null } = {}): void {
    const event = { type, experimentId: about.experimentId ?? null, runId: about.runId ?? null }
    this.#events.set(`${type} ${event.runId ?? event.experimentId ?? ''}`, event)
  }

  get events(): ToldEvent[] {
    return [...this.#events.values()]
  }
}

/** Under this lock events get their numbers, so that numbers ascend in the order of commits. The embedded database makes one change at a time anyway. */
const EVENT_LOCK = 4_400_002
/** A waiting change is not a failing one: with one connection they stand in line. */
const TRANSACTION = { maxWait: 60_000, timeout: 120_000 }

export class Database {
  readonly #listeners = new Set<() => void>()

  private constructor(
    readonly kind: 'pglite' | 'postgresql',
    readonly client: PrismaClient,
    readonly place: DatabasePlace,
  ) {}

  static async open(options: DatabaseOptions): Promise<Database> {
    const migrations = await readMigrations(options.migrationsFolder)
    return options.url === undefined ? openEmbedded(options.folder, migrations) : openPostgres(options.url, migrations)
  }

  static over(embedded: PGlite, folder: string): Database {
    return new Database('pglite', new PrismaClient({ adapter: new PrismaPGlite(embedded) }), { embedded, folder })
  }

  static at(url: string): Database {
    // The driver adapter reads every timestamp as UTC, so the session must speak UTC.
    const adapter = new PrismaPg({ connectionString: url, options: '-c TimeZone=UTC', max: 10 })
    return new Database('postgresql', new PrismaClient({ adapter }), { url })
  }

  /** Throws `storage_full` when nothing should be written now. PostgreSQL says so itself. */
  async assertWritable(): Promise<void> {
    if ('folder' in this.place) await assertDiskSpace(this.place.folder)
  }

  /** Runs `work` in one transaction: all of it is stored, with its events, or nothing is. */
  async write<T>(work: (change: Change) => Promise<T>): Promise<T> {
    await this.assertWritable()
    let told = 0
    const result = await this.client.$transaction(async (session) => {
      const change = new Change(session)
      const value = await work(change)
      told = change.events.length
      if (told > 0 && this.kind === 'postgresql') await session.$queryRaw`SELECT pg_advisory_xact_lock(${EVENT_LOCK})::text`
      if (told > 0) await storeEvents(session, change.events)
      return value
    }, TRANSACTION)
    if (told > 0) for (const listener of this.#listeners) listener()
    return result
  }

  /** Calls `listener` after every commit that stored events; returns how to stop. */
  onEvents(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    await this.client.$disconnect()
    if ('embedded' in this.place) await this.place.embedded.close()
  }
}

async function storeEvents(session: Session, events: ToldEvent[]): Promise<void> {
  await session.$executeRaw`
    INSERT INTO event (type, experiment_id, run_id, time) SELECT type, "experimentId", "runId", ${Date.now()}::float8
    FROM json_to_recordset(${JSON.stringify(events)}::json) AS told (type text, "experimentId" text, "runId" text)`
}

/**
 * Optimizing one huge function of PostgreSQL's WebAssembly takes V8 half a gigabyte, which is more than all the
 * rest of the server; as first compiled, statements take up to half as long again. Its page cache is small for the
 * same reason: the pages are in the system's cache too, where the next one costs what any other does.
 */
const LEAN = ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']
const SETTINGS = ['shared_buffers=16MB', 'random_page_cost=1.1'].flatMap((setting) => ['-c', setting])

async function openEmbedded(folder: string, migrations: Migration[]): Promise<Database> {
  await mkdir(folder, { recursive: true })
  await assertDiskSpace(folder)
  for (const flag of LEAN) setFlagsFromString(flag)
  // relaxedDurability stays off: what a worker was told is stored must outlive a kill -9.
  const embedded = await PGlite.create({ dataDir: join(folder), relaxedDurability: false, startParams: [...PGlite.defaultStartParams, ...SETTINGS] })
  try {
    await embedded.exec(`SET TIME ZONE 'UTC'`)
    await embedded.transaction(async (transaction) => {
      const session = {
        query: async (sql: string, values: string[] = []) => (await transaction.query<Record<string, unknown>>(sql, values)).rows,
        script: (sql: string) => transaction.exec(sql),
      }
      await applyMigrations(session, migrations)
    })
  } catch (error) {
    await embedded.close()
    throw databaseFault(error) ?? error
  }
  return Database.over(embedded, folder)
}

async function openPostgres(url: string, migrations: Migration[]): Promise<Database> {
  const client = new Client({ connectionString: url })
  try {
    await client.connect()
  } catch (error) {
    const reason = error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error)
    throw new AppError('unavailable', `PostgreSQL at DATABASE_URL cannot be reached: ${reason}. Start it, or correct DATABASE_URL, or unset it to use the embedded database.`, { cause: error })
  }
  try {
    await client.query('BEGIN')
    const session = {
      query: async (sql: string, values: string[] = []) => (await client.query<Record<string, unknown>>(sql, values)).rows,
      script: (sql: string) => client.query(sql),
    }
    await applyMigrations(session, migrations)
    await client.query('COMMIT')
  } finally {
    await client.end()
  }
  return Database.at(url)
}
