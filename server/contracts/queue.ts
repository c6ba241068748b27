import { z } from 'zod'
import { KindSchema } from './experiment.js'
import { WorkerInfoSchema } from './http.js'
import { ProgressSchema, RunErrorSchema, RunStatusSchema } from './run.js'

/** A run as the line of runs shows it. */
export const QueuedRunSchema = z.object({
  id: z.string(),
  name: z.string(),
  experimentId: z.string(),
  experimentName: z.string(),
  kind: KindSchema,
  status: RunStatusSchema,
  worker: z.string().nullable(),
  device: z.string().nullable().describe('on which it runs; null before it told'),
  progress: ProgressSchema.nullable(),
  error: RunErrorSchema.nullable(),
  isCancelling: z.boolean(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
})
export type QueuedRun = z.infer<typeof QueuedRunSchema>

export const QueueSchema = z.object({
  pausedAt: z.string().nullable().describe('null: runs are handed out'),
  waiting: z.array(QueuedRunSchema).describe('in the order in which they will be handed out, the first 200'),
  waitingTotal: z.number().int().nonnegative(),
  running: z.array(QueuedRunSchema),
  failed: z.array(QueuedRunSchema).describe('failed within the last day, newest first, at most 20'),
  workers: z.array(WorkerInfoSchema),
})
export type Queue = z.infer<typeof QueueSchema>

export const MoveRequestSchema = z.strictObject({ to: z.enum(['front', 'up', 'down', 'back']) })
export type MoveRequest = z.infer<typeof MoveRequestSchema>

/** What the palette finds: names and ids that hold every word. */
export const FoundSchema = z.object({
  experiments: z.array(z.object({ id: z.string(), name: z.string() })),
  runs: z.array(z.object({ id: z.string(), name: z.string(), experimentName: z.string() })),
})
export type Found = z.infer<typeof FoundSchema>
