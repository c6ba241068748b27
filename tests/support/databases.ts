/* The two databases that everything stored must hold on, each opened anew with its migrations. */
import { describe } from 'vitest'
import { Database } from '../../server/store/database.js'
import { root, temporaryFolder } from './bancada.js'
import { describeWith, startPostgres } from './services.js'

export interface OpenedDatabase {
  database: Database
  stop(): Promise<void>
}

const migrationsFolder = `${root}prisma/migrations`

export async function openEmbedded(): Promise<OpenedDatabase> {
  const folder = await temporaryFolder()
  const database = await Database.open({ folder: folder.path, migrationsFolder })
  const stop = async (): Promise<void> => {
    await database.close()
    await folder[Symbol.asyncDispose]()
  }
  return { database, stop }
}

async function openPostgres(): Promise<OpenedDatabase> {
  const service = await startPostgres()
  const database = await Database.open({ folder: '', url: service.url, migrationsFolder })
  const stop = async (): Promise<void> => {
    await database.close()
    await service.stop()
  }
  return { database, stop }
}

/** The same suite on each. @param what in words, such as "the store" */
export function describeOnBoth(what: string, suite: (open: () => Promise<OpenedDatabase>) => void): void {
  describe(`${what} in the embedded database`, () => suite(openEmbedded))
  describeWith('PostgreSQL', `${what} in PostgreSQL`, () => suite(openPostgres))
}
