import { z } from 'zod'

/** What a dataset is made of, by split. Lengths are characters. */

const PlaceSchema = z.object({ split: z.string(), id: z.string() })

export const TwinsSchema = z.object({
  input: z.string().describe('of the first, at most 300 characters'),
  places: z.array(PlaceSchema),
  likeness: z.number().min(0).max(1).describe('1 where they are the same; else the Jaccard similarity of their word triples'),
})
export type Twins = z.infer<typeof TwinsSchema>

const TwinListSchema = z.object({ total: z.number().int().describe('sets of items'), shown: z.array(TwinsSchema).describe('the first 50') })

export const DatasetProfileSchema = z.object({
  hash: z.string(),
  edges: z.array(z.number()).describe('edges of the bins of all histograms'),
  splits: z.array(
    z.object({
      split: z.string(),
      items: z.number().int(),
      lengths: z.object({ min: z.number(), p50: z.number(), p95: z.number(), max: z.number(), mean: z.number() }).nullable().describe('null in an empty split'),
      bins: z.array(z.number().int()),
      labels: z.record(z.string(), z.number().int()).nullable().describe('items by label; null where the task has none'),
    }),
  ),
  duplicates: TwinListSchema.describe('the same input, apart from case, punctuation and spaces, within one split'),
  leaks: TwinListSchema.describe('the same, in more than one split: a model trained on the one has seen the other'),
  nearLeaks: TwinListSchema.nullable().describe('much alike in different splits; null where there are too many items to look'),
})
export type DatasetProfile = z.infer<typeof DatasetProfileSchema>
