import { z } from 'zod'

/**
 * What the server tells its readers, one event per change, numbered without gaps that matter:
 * a reader that reconnects with the last number it saw gets everything after it, or one
 * `reset` when that is no longer kept. Events say what changed, not to what: readers fetch.
 */
export const ServerEventSchema = z.object({
  seq: z.number().int().nonnegative(),
  type: z.enum([
    'experiment.created',
    'experiment.updated',
    'run.updated',
    'run.metrics',
    'run.examples',
    'run.annotations',
    'run.checkpoint',
    'run.log',
    'worker.updated',
    'queue.updated',
    'reset',
  ]),
  experimentId: z.string().nullable(),
  runId: z.string().nullable(),
  time: z.number(),
})
export type ServerEvent = z.infer<typeof ServerEventSchema>
