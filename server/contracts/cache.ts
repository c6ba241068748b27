import { z } from 'zod'

/** Replies of models that are kept so that no call is paid twice. */
export const CacheInfoSchema = z.object({
  entries: z.number().int().nonnegative(),
  sizeBytes: z.number().nonnegative().describe('on disk, indexes included; what pruning frees is used by the next replies'),
  oldest: z.iso.datetime().nullable(),
  newest: z.iso.datetime().nullable(),
})
export type CacheInfo = z.infer<typeof CacheInfoSchema>

export const CachePruneSchema = z
  .strictObject({
    olderThanDays: z.number().nonnegative().max(36_500).optional().describe('stored longer ago than this; 0: all'),
    unused: z.boolean().default(false).describe('only those whose run was deleted'),
  })
  .refine(({ olderThanDays, unused }) => olderThanDays !== undefined || unused, 'say what may go: olderThanDays, unused, or both')
export type CachePrune = z.infer<typeof CachePruneSchema>

export const CachePrunedSchema = CacheInfoSchema.extend({ removed: z.number().int().nonnegative() })
export type CachePruned = z.infer<typeof CachePrunedSchema>
