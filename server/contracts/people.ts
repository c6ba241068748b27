import { z } from 'zod'
import { DatasetInfoSchema } from './dataset.js'
import { ExampleSchema } from './run.js'

/** What people say of answers: verdicts on single ones, and preferences between two. */

export const AnnotatorSchema = z.string().trim().min(1).max(60).describe('a name by which the same person is known again')

const tag = z.string().trim().min(1).max(40)

/** A verdict of null with no tag and no comment takes the annotation back. */
export const AnnotationRequestSchema = z.strictObject({
  runId: z.string().min(1),
  itemId: z.string().min(1),
  annotator: AnnotatorSchema,
  verdict: z.enum(['good', 'bad']).nullable().default(null),
  tags: z.array(tag).max(20).default([]),
  comment: z.string().max(10_000).default(''),
})
export type AnnotationRequest = z.infer<typeof AnnotationRequestSchema>

export const AnnotationSchema = AnnotationRequestSchema.extend({ updatedAt: z.string() })
export type Annotation = z.infer<typeof AnnotationSchema>

export const AnnotationListSchema = z.object({ annotations: z.array(AnnotationSchema).describe('by run, item and annotator') })
export type AnnotationList = z.infer<typeof AnnotationListSchema>

/** One item as several runs answered it, with all that is known of each answer. */
export const ComparedItemSchema = z.object({
  itemId: z.string(),
  answers: z.array(z.object({ runId: z.string(), example: ExampleSchema })).describe('of the runs that answered it, in the order asked for'),
  annotations: z.array(AnnotationSchema),
})
export type ComparedItem = z.infer<typeof ComparedItemSchema>

/** What the items of a comparison can be narrowed by. */
export const ItemFacetsSchema = z.object({
  targets: z.array(z.string()).describe('the most frequent ones; empty where nearly every item has its own'),
  clusters: z.array(z.string()).describe('those of more than one item, the largest first'),
  tags: z.array(z.string()),
})
export type ItemFacets = z.infer<typeof ItemFacetsSchema>

/** Conditions on the answers of A and B: an item passes when one of both answers meets all of them. */
export const ItemConditionsSchema = z.object({
  text: z.string().min(1).optional().describe('part of the id, the input, an output or the target; upper and lower case are alike'),
  target: z.string().min(1).optional(),
  cluster: z.string().min(1).optional(),
  minLength: z.coerce.number().int().nonnegative().optional().describe('characters of the answer at least'),
  maxLength: z.coerce.number().int().nonnegative().optional().describe('characters of the answer at most'),
  annotated: z.enum(['good', 'bad', 'any', 'none']).optional().describe('what people say of it; none: nobody has said anything of either'),
  tag: z.string().min(1).optional().describe('given to the answer by a person'),
})
export type ItemConditions = z.infer<typeof ItemConditionsSchema>

export const CreatedDatasetSchema = z.object({ dataset: DatasetInfoSchema, items: z.number().int().describe('in its test split') })
export type CreatedDataset = z.infer<typeof CreatedDatasetSchema>
