import { z } from 'zod'

/**
 * Assertions of a dataset's item: what must hold of the answer to this one item, as promptfoo and others write it.
 * They stand in a field of the item; scorers of type `assertions` read them.
 */

export const ASSERTION_TYPES = [
  'equals', 'contains', 'contains-any', 'contains-all', 'icontains', 'icontains-any', 'icontains-all', 'starts-with', 'regex',
  'is-json', 'contains-json', 'word-count', 'is-refusal', 'levenshtein', 'rouge-n', 'bleu', 'gleu', 'similar', 'similar:dot', 'similar:euclidean',
  'latency', 'cost', 'finish-reason', 'perplexity', 'perplexity-score', 'moderation',
  'llm-rubric', 'model-graded-closedqa', 'factuality', 'g-eval', 'javascript',
  'context-faithfulness', 'context-recall', 'context-relevance', 'answer-relevance',
] as const
export type AssertionType = (typeof ASSERTION_TYPES)[number]

/** Those that ask an embedder under the name of `grader`. */
export const EMBEDDED_TYPES: ReadonlySet<AssertionType> = new Set(['similar', 'similar:dot', 'similar:euclidean'])

/** Those that ask a grader. */
export const JUDGED_TYPES: ReadonlySet<AssertionType> = new Set(['llm-rubric', 'model-graded-closedqa', 'factuality', 'g-eval', 'context-faithfulness', 'context-recall', 'context-relevance', 'answer-relevance'])

const counted = {
  weight: z.number().nonnegative().default(1).describe('in the mean that is the item’s score; 0: told, but neither scored nor able to fail the item'),
  metric: z.string().min(1).optional().describe('the metric it counts towards, too'),
  threshold: z.number().optional(),
}

export const AssertionSchema = z.strictObject({
  type: z.enum(ASSERTION_TYPES),
  not: z.boolean().default(false).describe('holds where the assertion does not'),
  value: z.unknown().optional(),
  ...counted,
  transform: z.string().min(1).optional().describe('a short script that gives what of the answer the assertion reads, such as JSON.parse(output).name'),
  grader: z.string().min(1).optional().describe('which of the scorer’s graders judges, embeds or moderates; left out: default'),
  embedder: z.string().min(1).optional().describe('answer-relevance: which of the scorer’s embedders; left out: default'),
  contextTransform: z.string().min(1).optional().describe('a short script that gives the context out of the answer; left out: the variable context'),
  categories: z.partialRecord(z.enum(['A', 'B', 'C', 'D', 'E']), z.number().min(0).max(1)).optional().describe('factuality: the score of each category'),
})
export type Assertion = z.infer<typeof AssertionSchema>

export const AssertionSetSchema = z.strictObject({ type: z.literal('assert-set'), assert: z.array(AssertionSchema).min(1), ...counted })
export type AssertionSet = z.infer<typeof AssertionSetSchema>

export const ItemAssertionsSchema = z.strictObject({
  assert: z.array(z.union([AssertionSetSchema, AssertionSchema])),
  threshold: z.number().optional().describe('the item passes from this score on, whatever failed; left out: all must hold'),
  transform: z.string().min(1).optional().describe('a short script that gives what of the answer all assertions read'),
})
export type ItemAssertions = z.infer<typeof ItemAssertionsSchema>
/** As they are written, with what is usual left out. */
export type WrittenAssertions = z.input<typeof ItemAssertionsSchema>

/** What one assertion said of an answer, in the order of the item; null where it could not be told. Kept in the example's details as `assertions`. */
export const AssertionRecordSchema = z.object({
  type: z.string(),
  pass: z.boolean().nullable(),
  score: z.number().nullable(),
  metric: z.string().optional(),
  reason: z.string().optional(),
})
export type AssertionRecord = z.infer<typeof AssertionRecordSchema>
