/*
 * Brings a database to the tables this code knows, at every start and without any engine:
 * the SQL folders of prisma/migrations, in order, in one transaction, each written down.
 * A database that holds a migration unknown here was written by newer code and is refused.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../contracts/index.js'

/** The few things a migration needs, on either database. All calls run in one transaction. */
export interface MigrationSession {
  query(sql: string, values?: string[]): Promise<Record<string, unknown>[]>
  script(sql: string): Promise<unknown>
}

export interface Migration {
  name: string
  sql: string
  sha256: string
}

/** Any number, as long as nobody else locks the same one: two servers must not migrate at once. */
const MIGRATION_LOCK = 4_400_001

export async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8')
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

/** Applies what is missing and returns the names of what was applied. */
export async function applyMigrations(session: MigrationSession, migrations: Migration[]): Promise<string[]> {
  await session.query(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})::text`)
  await session.script('CREATE TABLE IF NOT EXISTS bancada_migration (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())')
  const rows = await session.query('SELECT name, sha256 FROM bancada_migration ORDER BY name')
  const applied = new Map(rows.map((row) => [String(row['name']), String(row['sha256'])]))
  assertKnown(applied, migrations)
  const missing = migrations.filter((migration) => !applied.has(migration.name))
  for (const migration of missing) {
    await session.script(migration.sql)
    await session.query('INSERT INTO bancada_migration (name, sha256) VALUES ($1, $2)', [migration.name, migration.sha256])
  }
  return missing.map((migration) => migration.name)
}

function assertKnown(applied: Map<string, string>, migrations: Migration[]): void {
  const known = new Map(migrations.map((migration) => [migration.name, migration.sha256]))
  for (const [name, sha256] of applied) {
    const expected = known.get(name)
    if (expected === undefined) {
      throw new AppError('conflict', `The database holds migration "${name}", which this version of Bancada does not know: it was written by a newer version. Update Bancada, or give this version another BANCADA_HOME or DATABASE_URL.`)
    }
    if (expected !== sha256) {
      throw new AppError('conflict', `Migration "${name}" was applied to the database with other content than prisma/migrations/${name}/migration.sql has now. Restore that file, or use another BANCADA_HOME or DATABASE_URL.`)
    }
  }
}
