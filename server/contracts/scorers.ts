import { z } from 'zod'
import { EndpointSchema, OpenAiEndpointSchema } from './models.js'

/** Scorers of the user's own, named in the experiment file. Each gives a number from 0 (bad) to 1 (good), or nothing where it does not apply. */

const regexFlags = z.string().regex(/^[ims]*$/, 'i, m and s only').optional()

const judges = {
  model: z.union([z.string().min(1), EndpointSchema]).describe('who judges; better not of the family of the judged'),
  others: z.array(z.union([z.string().min(1), EndpointSchema])).min(1).max(8).optional().describe('further judges of the same answers'),
  maxTokens: z.number().int().min(16).max(4096).default(256),
}

/** Answers that people have judged, to hold a judge to. */
export const LabelledSchema = z.strictObject({
  split: z.string().min(1).describe('of the same dataset'),
  answer: z.string().min(1).describe('field of its items with the answer that was judged'),
  verdict: z.string().min(1).describe('field with what people said of it: a number of the scale, or true and false for its ends'),
  minKappa: z.number().min(-1).max(1).default(0.6).describe('a judge that agrees less is named, and its scores are marked'),
})
export type Labelled = z.infer<typeof LabelledSchema>

export const JudgeSchema = z.strictObject({
  type: z.literal('judge'),
  ...judges,
  rubric: z.string().min(1).describe('what a good answer is; a Jinja template with the item’s fields and answer'),
  scale: z.tuple([z.number(), z.number()]).default([1, 5]).refine(([worst, best]) => worst !== best, 'worst and best are the same').describe('worst and best score the judge may give'),
  people: LabelledSchema.optional(),
})
export type Judge = z.infer<typeof JudgeSchema>

export const PairwiseSchema = z.strictObject({
  type: z.literal('pairwise'),
  ...judges,
  criterion: z.string().min(1).describe('what makes an answer the better one; a Jinja template with the item’s fields'),
  against: z.union([z.literal('target'), z.string().regex(/^run:[\w-]+$/, 'target, run:ID, or {field: name}'), z.strictObject({ field: z.string().min(1) })]).default('target').describe('what the answer is held against'),
})
export type PairwiseJudge = z.infer<typeof PairwiseSchema>

/** What became of a scorer that is a judge, over all items of a run. */
export const JudgeReportSchema = z.object({
  judges: z.array(z.string()).describe('models that judged'),
  panel: z
    .object({ n: z.number().int(), unanimous: z.number().int(), alpha: z.number().nullable() })
    .optional()
    .describe('several judges: items that more than one judged, those on which all said the same, and Krippendorff’s alpha; null where all verdicts are equal'),
  pairwise: z
    .object({ wins: z.number().int(), losses: z.number().int(), ties: z.number().int(), inconsistent: z.number().int() })
    .optional()
    .describe('inconsistent: verdicts that changed with the order of the two answers, counted among the ties'),
  people: z
    .object({ n: z.number().int(), kappa: z.number().nullable(), low: z.number().nullable(), high: z.number().nullable(), minKappa: z.number(), isTrusted: z.boolean(), costUsd: z.number().nullable() })
    .optional()
    .describe('agreement with people: Cohen’s kappa with its 95 % interval, weighted by squares on a scale of more than two'),
})
export type JudgeReport = z.infer<typeof JudgeReportSchema>

const graderName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,39}$/, 'a name of letters, digits, _ and -')

/** Who judges assertions that a model must judge. `prompt` replaces the question that is asked by default; it may use the item’s fields and what the assertion gives. */
export const GraderSchema = z.strictObject({
  model: z.union([z.string().min(1), EndpointSchema]),
  prompt: z.union([z.string().min(1), z.array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })).min(1)]).optional(),
  maxTokens: z.number().int().min(1).max(32_768).default(1024),
})
export type Grader = z.infer<typeof GraderSchema>

/** The vectors by which texts are called similar. */
export const EmbedderSchema = z.union([z.literal('use-lite-en'), OpenAiEndpointSchema])
export type Embedder = z.infer<typeof EmbedderSchema>

export const AssertionsScorerSchema = z.strictObject({
  type: z.literal('assertions'),
  gives: z.union([z.enum(['pass', 'score']), z.strictObject({ metric: z.string().min(1) })]).default('pass').describe('pass: 0 or 1; score: the weighted mean; {metric}: the mean of those assertions that name it'),
  field: z.string().min(1).default('assertions').describe('the field of the items that holds them'),
  graders: z.record(graderName, GraderSchema).default({}),
  embedders: z.record(graderName, EmbedderSchema).default({}),
  moderators: z.record(graderName, OpenAiEndpointSchema).default({}).describe('who flags answers for moderation: endpoints with /v1/moderations'),
})
export type AssertionsScorer = z.infer<typeof AssertionsScorerSchema>

/** Filters of lm-evaluation-harness on the replies to one item. */
export const LmEvalStepSchema = z.discriminatedUnion('function', [
  z.strictObject({ function: z.enum(['take_first', 'majority_vote', 'remove_whitespace', 'lowercase', 'uppercase']) }),
  z.strictObject({ function: z.literal('take_first_k'), k: z.int().min(1).max(256) }),
  z.strictObject({ function: z.literal('regex'), pattern: z.string().describe('in Python’s dialect'), groupSelect: z.int().default(0).describe('which match; -1 is the last'), fallback: z.string().default('[invalid]') }),
  z.strictObject({
    function: z.literal('multi_choice_regex').describe('as regex, then by the texts of the row’s choices, then by a letter after a colon'),
    pattern: z.string(),
    groupSelect: z.int().default(0),
    fallback: z.string().default('[invalid]'),
    ignoreCase: z.boolean().default(false),
    ignorePunctuation: z.boolean().default(false),
    regexesToIgnore: z.array(z.string()).max(64).default([]),
  }),
  z.strictObject({ function: z.literal('map'), mapping: z.record(z.string(), z.string()), otherwise: z.string().optional() }),
])
export type LmEvalStep = z.infer<typeof LmEvalStepSchema>

export const ScorerSchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('regex'), pattern: z.string().min(1).describe('in Python’s dialect'), flags: regexFlags, absent: z.boolean().default(false).describe('1 where it does not occur') }),
  z.strictObject({ type: z.literal('contains'), texts: z.array(z.string().min(1)).min(1), all: z.boolean().default(true), ignoreCase: z.boolean().default(true) }),
  z.strictObject({ type: z.literal('absent'), texts: z.array(z.string().min(1)).min(1).describe('words that must not occur, such as terms of abuse'), ignoreCase: z.boolean().default(true) }),
  z.strictObject({ type: z.literal('numeric'), absolute: z.number().nonnegative().default(0), relative: z.number().nonnegative().default(0).describe('0.05 allows 5 % of the target') }),
  z.strictObject({ type: z.literal('json'), schema: z.record(z.string(), z.unknown()).optional().describe('JSON Schema 2020-12; left out: any JSON') }),
  z.strictObject({ type: z.literal('length'), unit: z.enum(['characters', 'words']).default('words'), min: z.number().int().nonnegative().default(0), max: z.number().int().positive().optional() }),
  z.strictObject({ type: z.literal('no_refusal') }),
  z.strictObject({ type: z.literal('no_personal_data'), kinds: z.array(z.enum(['email', 'phone', 'card', 'iban', 'cpf', 'cnpj', 'ssn', 'ip'])).min(1).optional().describe('left out: all') }),
  z.strictObject({ type: z.literal('at_most'), of: z.enum(['latencyMs', 'ttftMs', 'costUsd', 'tokensOut']), value: z.number().nonnegative().describe('1 up to this; replies from the store and unknown figures are not scored') }),
  z.strictObject({
    type: z.literal('custom'),
    file: z.string().regex(/^[A-Za-z0-9][\w.-]*\.(ts|js|mjs)$/, 'the name of a .ts, .js or .mjs file in scorers/ under BANCADA_HOME'),
    better: z.enum(['higher', 'lower']).default('higher').describe('which way is better'),
    bounded: z.boolean().default(true).describe('scores lie in 0 to 1; false: any number'),
    unit: z.string().trim().min(1).max(20).optional().describe('shown beside the figures'),
  }),
  z.strictObject({ type: z.literal('similarity'), by: EmbedderSchema.default('use-lite-en'), to: z.string().min(1).optional().describe('field of the item; left out: the target'), atLeast: z.number().gt(0).max(1).optional().describe('1 from this cosine on, else 0; left out: the cosine itself, no less than 0') }),
  z.strictObject({ type: z.literal('moderation'), model: OpenAiEndpointSchema.describe('with /v1/moderations'), categories: z.array(z.string().min(1)).min(1).optional().describe('as the endpoint names them; left out: any') }),
  z.strictObject({ type: z.literal('perplexity'), atMost: z.number().min(1).optional().describe('1 up to this perplexity, else 0; left out: 1 / perplexity') }),
  z.strictObject({
    type: z.literal('lm_eval'),
    steps: z.array(LmEvalStepSchema).max(16).default([]).describe('filters, in order'),
    ignoreCase: z.boolean().default(false),
    ignorePunctuation: z.boolean().default(false),
    ignoreNumbers: z.boolean().default(false),
    regexesToIgnore: z.array(z.string()).max(64).default([]).describe('in Python’s dialect; taken out of the answer and the target'),
  }).describe('exact_match as lm-evaluation-harness has it; an item with `targets` is right by any of them'),
  z.strictObject({
    type: z.literal('corpus').describe('a figure of the whole corpus, no mean of its items'),
    figure: z.enum(['bleu', 'chrf', 'chrf++', 'ter']).describe('as sacreBLEU computes it, 0 to 100'),
    steps: z.array(LmEvalStepSchema).max(16).default([]).describe('filters of lm-evaluation-harness before it, in order'),
  }),
  JudgeSchema,
  PairwiseSchema,
  AssertionsScorerSchema,
])
export type Scorer = z.infer<typeof ScorerSchema>

export const ScorersSchema = z.record(z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, 'a name of small letters, digits and _'), ScorerSchema)
export type Scorers = z.infer<typeof ScorersSchema>
