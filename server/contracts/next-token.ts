import { z } from 'zod'

/** What a model of this machine would say next. */

export const NextTokenRequestSchema = z.strictObject({
  model: z.string().max(200).regex(/^[\w.-]+$/, 'the name of a folder in models/'),
  text: z.string().max(20_000),
})
export type NextTokenRequest = z.infer<typeof NextTokenRequestSchema>

export const NextTokenSchema = z.object({
  model: z.string(),
  tokens: z.number().int().describe('of the text, as the model reads it'),
  vocabulary: z.number().int(),
  top: z.array(z.object({ id: z.number().int(), text: z.string(), logit: z.number() })).describe('the most probable tokens, the first one first'),
  rest: z.array(z.object({ count: z.number().int(), logit: z.number() })).describe('all others in groups of about equal logits'),
})
export type NextToken = z.infer<typeof NextTokenSchema>
