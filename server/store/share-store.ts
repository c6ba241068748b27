/* Views that were shared: kept whole as they were, until they are revoked. */
import { randomBytes } from 'node:crypto'
import { AppError, SharedViewSchema, type Share, type SharedView } from '../contracts/index.js'
import type { Database } from './database.js'
import { storable, storableJson } from './text.js'

/** 128 bits: not to be guessed. */
const TOKEN_BYTES = 16

export class ShareStore {
  constructor(private readonly database: Database) {}

  async create(title: string, view: Omit<SharedView, keyof Share>): Promise<Share> {
    await this.database.assertWritable()
    const token = randomBytes(TOKEN_BYTES).toString('base64url')
    const [row] = await this.database.client.$queryRaw<{ title: string; created_at: Date }[]>`
      INSERT INTO share (token, title, view) VALUES (${token}, ${storable(title)}, ${storableJson(view)}::json) RETURNING title, created_at`
    if (row === undefined) throw new AppError('internal', 'The view was not stored.')
    return { token, title: row.title, createdAt: row.created_at.toISOString() }
  }

  async list(): Promise<Share[]> {
    const rows = await this.database.client.share.findMany({ select: { token: true, title: true, createdAt: true }, orderBy: { createdAt: 'desc' } })
    return rows.map((row) => ({ ...row, createdAt: row.createdAt.toISOString() }))
  }

  async read(token: string): Promise<SharedView> {
    const row = await this.database.client.share.findUnique({ where: { token } })
    if (row === null) throw noSuchShare()
    return SharedViewSchema.parse({ ...(row.view as object), token: row.token, title: row.title, createdAt: row.createdAt.toISOString() })
  }

  async revoke(token: string): Promise<void> {
    const { count } = await this.database.client.share.deleteMany({ where: { token } })
    if (count === 0) throw noSuchShare()
  }
}

/** The token is a secret, so a message that may be logged does not repeat it. */
function noSuchShare(): AppError {
  return new AppError('not_found', 'There is no such shared view: it was revoked, or the link is incomplete.')
}
