import { z } from 'zod'
import { DatasetInfoSchema } from './dataset.js'
import { AddressedCountSchema, ReferenceSchema } from './fields.js'
import { ExampleSchema } from './run.js'

/** What people say of answers: verdicts on single ones, and preferences between two. */

export const AnnotatorSchema = z.string().trim().min(1).max(60).describe('a name by which the same person is known again')

const tag = z.string().trim().min(1).max(40)

/** An annotation that is left with no verdict, no tag and no comment is taken back. */
export const AnnotationRequestSchema = z.strictObject({
  runId: ReferenceSchema,
  itemId: ReferenceSchema,
  annotator: AnnotatorSchema,
  verdict: z.enum(['good', 'bad']).nullable().default(null),
  tags: z.array(tag).max(20).optional().describe('left out: as they were'),
  comment: z.string().max(10_000).optional().describe('left out: as it was'),
})
export type AnnotationRequest = z.infer<typeof AnnotationRequestSchema>

export const AnnotationSchema = AnnotationRequestSchema.extend({ tags: z.array(tag), comment: z.string(), updatedAt: z.string() })
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
  text: ReferenceSchema.optional().describe('part of the id, the input, an output or the target; upper and lower case are alike'),
  target: ReferenceSchema.optional(),
  cluster: ReferenceSchema.optional(),
  minLength: AddressedCountSchema.optional().describe('characters of the answer at least'),
  maxLength: AddressedCountSchema.optional().describe('characters of the answer at most'),
  annotated: z.enum(['good', 'bad', 'any', 'none']).optional().describe('what people say of it; none: nobody has said anything of either'),
  tag: ReferenceSchema.optional().describe('given to the answer by a person'),
})
export type ItemConditions = z.infer<typeof ItemConditionsSchema>

export const CreatedDatasetSchema = z.object({ dataset: DatasetInfoSchema, items: z.number().int().describe('in its test split') })
export type CreatedDataset = z.infer<typeof CreatedDatasetSchema>

const share = {
  share: z.number().nullable().describe('0 to 1; null where nobody has judged anything'),
  low: z.number().nullable().describe('95 % interval over items'),
  high: z.number().nullable(),
}

/** How far people agree on the items that at least two of them judged. */
export const AgreementSchema = z.object({
  n: z.number().int().describe('items judged by two people or more'),
  unanimous: z.number().int().describe('of these, items on which all say the same'),
  alpha: z.number().nullable().describe('Krippendorff’s alpha, nominal; null where all say always the same'),
  low: z.number().nullable().describe('95 % interval of alpha, by resampling items'),
  high: z.number().nullable(),
  kappa: z.number().nullable().describe('Cohen’s kappa; of exactly two people'),
  kappaLow: z.number().nullable(),
  kappaHigh: z.number().nullable(),
})
export type Agreement = z.infer<typeof AgreementSchema>

const judged = {
  n: z.number().int().describe('items judged: one observation each, however many people judged them'),
  votes: z.number().int(),
  annotators: z.array(z.object({ name: z.string(), answered: z.number().int() })),
  agreement: AgreementSchema.nullable(),
}

/** What people prefer of two runs' answers without knowing whose they are. */
export const PreferenceResultSchema = z.object({
  a: z.string(),
  b: z.string(),
  ...judged,
  ...share,
  wins: z.number().int().describe('items on which more people prefer B'),
  losses: z.number().int(),
  ties: z.number().int(),
  p: z.number().nullable().describe('sign test, exact, over wins and losses; null where there are only ties'),
  left: z.object({ n: z.number().int(), ...share, p: z.number().nullable() }).describe('how often the answer on the left was preferred: far from a half, the side had a say'),
  identical: z.number().int().describe('items on which both answer the same: nobody is asked about them'),
  sentence: z.string(),
})
export type PreferenceResult = z.infer<typeof PreferenceResultSchema>

export const VerdictResultSchema = z.object({ runId: z.string(), ...judged, ...share }).describe('share of good answers')
export type VerdictResult = z.infer<typeof VerdictResultSchema>

const progress = {
  total: z.number().int().describe('items that can be judged'),
  done: z.number().int().describe('by this person'),
}

/** The next pairs for one person, without whose answers they are. */
export const PairQueueSchema = z.object({
  ...progress,
  pairs: z.array(z.object({ itemId: z.string(), prompt: z.string().describe('what both prompts have in common'), target: z.string().nullable(), left: z.string(), right: z.string() })),
})
export type PairQueue = z.infer<typeof PairQueueSchema>

export const AnswerQueueSchema = z.object({
  ...progress,
  answers: z.array(z.object({ itemId: z.string(), prompt: z.string(), target: z.string().nullable(), output: z.string() })),
})
export type AnswerQueue = z.infer<typeof AnswerQueueSchema>

const pair = { a: ReferenceSchema.describe('id of a run'), b: ReferenceSchema.describe('id of another run') }
const seed = z.coerce.number().int().nonnegative().default(1).describe('orders the items and draws the sides')

export const PairChoiceSchema = z.strictObject({ ...pair, itemId: ReferenceSchema, annotator: AnnotatorSchema, choice: z.enum(['left', 'right', 'tie']), seed })
export type PairChoice = z.infer<typeof PairChoiceSchema>

/** Whose the answers were. */
export const RevealedPairSchema = z.object({ left: z.string(), right: z.string() })
export type RevealedPair = z.infer<typeof RevealedPairSchema>

export const PairQueueQuerySchema = z.object({ ...pair, annotator: AnnotatorSchema, seed, limit: z.coerce.number().int().min(0).max(50).default(3) })
export const PairQuerySchema = z.object(pair)
export const PairUndoSchema = z.object({ ...pair, annotator: AnnotatorSchema, itemId: ReferenceSchema })
export const AnswerQueueQuerySchema = z.object({ run: ReferenceSchema, annotator: AnnotatorSchema, seed, limit: z.coerce.number().int().min(0).max(50).default(3) })
