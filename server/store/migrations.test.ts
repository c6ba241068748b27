import { PGlite } from '@electric-sql/pglite'
import { expect, it } from 'vitest'
import { applyMigrations, type Migration } from './migrations.js'

const migration = (name: string, sql: string): Migration => ({ name, sql, sha256: `digest of ${sql}` })
const FIRST = migration('0001_a', 'CREATE TABLE a (n int); INSERT INTO a VALUES (1)')
const SECOND = migration('0002_b', 'ALTER TABLE a ADD COLUMN m int')

it('applies each migration once, in order, and refuses a database it does not know', async () => {
  await using database = await PGlite.create()
  const apply = (migrations: Migration[]): Promise<string[]> =>
    database.transaction((transaction) =>
      applyMigrations({ query: async (sql, values = []) => (await transaction.query<Record<string, unknown>>(sql, values)).rows, script: (sql) => transaction.exec(sql) }, migrations),
    )
  expect(await apply([FIRST])).toEqual(['0001_a'])
  expect(await apply([FIRST, SECOND])).toEqual(['0002_b'])
  expect(await apply([FIRST, SECOND])).toEqual([])
  await expect(apply([FIRST])).rejects.toThrow(/0002_b.*newer version/)
  await expect(apply([{ ...FIRST, sha256: 'other' }, SECOND])).rejects.toThrow(/applied to the database with other content/)
  await expect(apply([FIRST, SECOND, migration('0003_c', 'CREATE TABLE c (n int); SELECT nonsense')])).rejects.toThrow(/nonsense/)
  expect((await database.query(`SELECT to_regclass('c') AS c, (SELECT count(*)::int FROM a) AS rows`)).rows).toEqual([{ c: null, rows: 1 }])
})
