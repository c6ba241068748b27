import { DeviceSchema, LoadSchema, type WorkerHeartbeat, type WorkerInfo } from '../contracts/index.js'
import type { Database } from './database.js'
import { Prisma } from './generated/client.js'

/** A worker that told nothing for this long counts as gone in lists. */
const ALIVE_MS = 15_000
/** After a week of silence a worker is no longer listed. */
const LISTED_MS = 7 * 24 * 3_600_000

export class WorkerStore {
  constructor(private readonly database: Database) {}

  /** Notes a sign of life; readers hear of it only when something about the worker changed. */
  async beat(heartbeat: WorkerHeartbeat): Promise<void> {
    await this.database.write(async (change) => {
      const before = await change.session.worker.findUnique({ where: { name: heartbeat.worker } })
      const told = { host: heartbeat.host, devices: heartbeat.devices, running: heartbeat.running, load: heartbeat.load ?? Prisma.DbNull }
      const now = new Date()
      await change.session.worker.upsert({ where: { name: heartbeat.worker }, update: { ...told, lastSeenAt: now }, create: { name: heartbeat.worker, ...told, lastSeenAt: now } })
      const isNews = before === null || !isAlive(before.lastSeenAt) || JSON.stringify([before.host, before.devices, before.running]) !== JSON.stringify([told.host, told.devices, told.running])
      if (isNews) change.tell('worker.updated')
    })
  }

  /** Of its machine, as it last told; null where it did not. */
  async memoryBytes(name: string): Promise<number | null> {
    const row = await this.database.client.worker.findUnique({ where: { name }, select: { devices: true } })
    const devices = row === null ? [] : DeviceSchema.array().parse(row.devices)
    return devices.find(({ kind }) => kind === 'cpu')?.memoryBytes ?? null
  }

  async leave(name: string): Promise<void> {
    await this.database.write(async (change) => {
      const { count } = await change.session.worker.updateMany({ where: { name }, data: { running: [], lastSeenAt: new Date(0) } })
      if (count > 0) change.tell('worker.updated')
    })
  }

  async list(): Promise<WorkerInfo[]> {
    const rows = await this.database.client.worker.findMany({ where: { lastSeenAt: { gt: new Date(Date.now() - LISTED_MS) } }, orderBy: { name: 'asc' } })
    return rows.map((row) => ({
      name: row.name,
      host: row.host,
      devices: DeviceSchema.array().parse(row.devices),
      running: row.running,
      alive: isAlive(row.lastSeenAt),
      load: row.load === null ? null : LoadSchema.parse(row.load),
      lastSeen: row.lastSeenAt.toISOString(),
    }))
  }
}

function isAlive(lastSeenAt: Date): boolean {
  return Date.now() - lastSeenAt.getTime() < ALIVE_MS
}
