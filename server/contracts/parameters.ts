import { z } from 'zod'
import { ModelSchema, PriceSchema } from './models.js'
import { EmbedderSchema, ScorersSchema } from './scorers.js'

/**
 * The parameters of each kind of run. Any of them may be fixed or be an axis of a sweep.
 * Units stand in the names or the descriptions; the defaults are the field's usual ones.
 */

/** What a model can be computed on: execution providers of ONNX Runtime, then back ends of TensorFlow.js. */
export const DEVICE_KINDS = ['cpu', 'webgpu', 'cuda', 'tfjs-wasm', 'tfjs-webgpu', 'tfjs-node', 'tfjs-node-gpu'] as const

/** Number formats of weights that are not trained; the quantised ones hold for the linear layers. */
export const BaseDtypeSchema = z.enum(['stored', 'f32', 'bf16', 'f16', 'int8', 'int4', 'nf4'])

const model = ModelSchema.default('nano-pt-en').describe('a folder in models/, run:ID or run:ID@STEP, or an endpoint (see below)')
const price = PriceSchema.optional().describe('price of the local machine; unknown cost stays unknown when left out')
const limit = z.number().int().positive().optional().describe('use only this many items of the split, drawn by the seed')

const decoding = {
  temperature: z.number().min(0).max(5).default(0).describe('0 always takes the most probable token'),
  topK: z.number().int().positive().optional().describe('sample among this many tokens only'),
  topP: z.number().gt(0).max(1).optional().describe('sample among the fewest tokens that hold this probability'),
  minP: z.number().min(0).max(1).optional().describe('sample among tokens at least this share as probable as the most probable one; local models only'),
  repetitionPenalty: z.number().positive().max(10).optional().describe('above 1 makes tokens of the prompt and the answer so far less probable; local models only'),
  maxTokens: z.number().int().min(1).max(32_768).default(64).describe('tokens of an answer at most'),
  stop: z.array(z.string().min(1)).max(16).default([]).describe('texts before which an answer ends'),
}

/** How endpoints are called. */
const calls = {
  cache: z.enum(['on', 'read', 'off']).default('on').describe('on: replies of all runs are found again and shared; read: found, but not shared; off: this run’s own alone'),
  concurrency: z.number().int().min(1).max(256).default(4).describe('requests in flight at most, for endpoints; fewer when the endpoint asks for it'),
  timeoutSeconds: z.number().positive().max(86_400).default(60).describe('deadline of one try'),
  tries: z.number().int().min(1).max(20).default(6).describe('of one call, with growing pauses; being turned away with 429 is not counted'),
}

/** How documents are cut and searched. */
const retrieval = {
  chunkSize: z.number().int().min(16).max(100_000).default(800).describe('characters per chunk'),
  chunkOverlap: z.number().int().nonnegative().default(0).describe('characters shared by neighbouring chunks; must be less than chunkSize'),
  k: z.number().int().min(1).max(1000).default(5).describe('chunks retrieved per question'),
  retriever: z.enum(['bm25', 'embedding', 'hybrid']).default('bm25').describe('hybrid: reciprocal rank fusion of both'),
  bm25K1: z.number().nonnegative().default(1.2).describe('how soon repeated words stop counting more'),
  bm25B: z.number().min(0).max(1).default(0.75).describe('how much long chunks are held back'),
}

/** What is found for each question, for a prompt to read. Vectors are those of `use-lite-en`. */
export const RetrieveSchema = z
  .strictObject(retrieval)
  .refine(({ chunkSize, chunkOverlap }) => chunkOverlap < chunkSize, { path: ['chunkOverlap'], message: 'it must be less than chunkSize' })

const template = z.string().min(1)
const role = z.enum(['system', 'user', 'assistant'])
const messages = z
  .array(z.strictObject({ role, content: template }))
  .min(1)
  .max(64)
  .refine((turns) => turns.at(-1)?.role === 'user', 'the last message must be the user’s')

/** Where the answer stands in what a model wrote. */
export const ExtractionSchema = z.union([
  z.enum(['none', 'last_number']),
  z.strictObject({ after: z.string().min(1).describe('the line after the last such text') }),
  z
    .strictObject({
      regex: z.string().min(1).describe('of JavaScript'),
      flags: z.string().regex(/^[gimsu]*$/, 'letters of g, i, m, s, u').default(''),
      group: z.number().int().nonnegative().optional().describe('left out: 1 where there is one, else the whole match'),
      match: z.enum(['first', 'last']).default('last'),
    })
    .refine(isRegex, { path: ['regex'], message: 'not a valid JavaScript regular expression with these flags' }),
])
export type Extraction = z.infer<typeof ExtractionSchema>

/** A prompt before the main one; its output is `steps.NAME` in the templates that follow. */
export const ChainStepSchema = z.strictObject({
  name: z.string().regex(/^[a-z_][A-Za-z0-9_]*$/, 'a name as a template can say it'),
  template,
  system: template.optional(),
  temperature: decoding.temperature.unwrap().optional(),
  maxTokens: decoding.maxTokens.unwrap().optional(),
  stop: decoding.stop.unwrap().optional(),
})
export type ChainStep = z.infer<typeof ChainStepSchema>

function isRegex({ regex, flags }: { regex: string; flags: string }): boolean {
  try {
    return new RegExp(regex, flags) instanceof RegExp
  } catch {
    return false
  }
}

/** A question under a name, so that texts and conversations can stand on one axis. */
export const NamedPromptSchema = z
  .strictObject({
    label: z.string().trim().min(1).max(80).describe('what runs of it are called'),
    template: template.optional(),
    messages: messages.optional(),
    json: template.optional().describe('a template that renders to the messages as a JSON list'),
  })
  .refine(({ template, messages, json }) => [template, messages, json].filter((form) => form !== undefined).length === 1, 'give one of template, messages and json')
export type NamedPrompt = z.infer<typeof NamedPromptSchema>

export const PromptParametersSchema = z.strictObject({
  model,
  template: template.default('{{ input }}').describe('Jinja template of one question; every field of the item is a variable, and so are `labels`, `shots`, `negatives` and `steps`'),
  messages: messages.optional().describe('turns in place of `template`: `{role: system, user or assistant, content: template}`; the last one is the user’s'),
  prompt: NamedPromptSchema.optional().describe('`{label, template}`, `{label, messages}` or `{label, json}` in place of `template` and `messages`: one question under a name, for an axis of several; `json` is a template that renders to the messages as a JSON list'),
  retrieve: RetrieveSchema.optional().describe('retrieval datasets only: `{k, chunkSize, chunkOverlap, retriever, bm25K1, bm25B}` as for rag; the chunks that are found for a question are the variables `context` (their texts) and `chunks` (`document` and `text` of each)'),
  example: template.optional().describe('template of a few-shot example with its answer; left out: the question, a space and the target. As turns: of the answer alone'),
  negativeExample: template.optional().describe('template of an example with an answer that is `wrong`; left out: the question, the wrong answer and the right one, named so'),
  system: z.string().optional().describe('system message; put in front when the model has no chat template'),
  separator: z.string().default('\n\n').describe('between few-shot examples'),
  shots: z.number().int().min(0).max(256).default(0).describe('few-shot examples; the same ones for all templates and models, k of them among 2k'),
  negatives: z.number().int().min(0).max(64).default(0).describe('examples of wrong answers, before the others'),
  sampler: z
    .enum(['balanced', 'random', 'nearest', 'fixed', 'lm-eval', 'lm-eval-spare'])
    .default('balanced')
    .describe('balanced: over the labels; nearest: most like the item, the nearest last; fixed: the first ones of `shotIds`; lm-eval: as lm-evaluation-harness draws with the seed, for each item in turn, which may show twins; lm-eval-spare: one more is drawn than shown, as there for tasks without a test split'),
  shotIds: z.array(z.string().min(1)).max(256).default([]).describe('ids of the examples, for `sampler: fixed`'),
  shotSplit: z.string().default('train').describe('where examples are drawn from; the item itself, its twins by text and its cluster are never shown'),
  shotsPerItem: z.boolean().default(false).describe('each item draws examples of its own'),
  nearestBy: z.enum(['words', 'meaning']).default('words').describe('words: BM25; meaning: sentence vectors (use-lite-en)'),
  shotsAs: z.enum(['auto', 'text', 'turns']).default('auto').describe('turns: question and answer as messages; auto: turns with `messages`, else text'),
  chain: z
    .array(ChainStepSchema)
    .max(8)
    .refine((steps) => new Set(steps.map(({ name }) => name)).size === steps.length, 'two steps have the same name')
    .default([])
    .describe('prompts before the main one, `{name, template, system, temperature, maxTokens, stop}`; the output of each is `steps.NAME` in those that follow'),
  samples: z.number().int().min(1).max(256).default(1).describe('answers drawn for each item; the first is scored, and scorers of type `lm_eval` may vote among all'),
  extract: ExtractionSchema.default('none').describe('which part is scored: `last_number`, `{after: text}`, or `{regex, flags, group, match: first or last}`'),
  scorers: ScorersSchema.default({}).describe('metrics of your own by name, see [Scorers of your own](#scorers-of-your-own)'),
  baseDtype: BaseDtypeSchema.optional().describe('number format in which a local model’s weights are held; left out: as stored, or for run:ID as in training'),
  chat: z.enum(['auto', 'always', 'never']).default('auto').describe('whether a local model’s prompt goes through its chat template; auto: when there are several messages'),
  choices: z.string().min(1).optional().describe('the field of the items that lists the answers to choose among; the one with the highest log-likelihood is taken, and `target`, or those whose places `gold` lists, are right'),
  choicesAre: z.enum(['answers', 'contexts']).default('answers').describe('contexts: each choice is asked in place of `input`, and the one after which `target` is most likely is taken; `gold` lists the places of the right ones'),
  answerDelimiter: z.string().max(100).optional().describe('between the question and an answer whose likelihood is told; left out: a space, unless the question ends with one'),
  scoring: z
    .enum(['auto', 'likelihood', 'generate', 'target', 'rolling'])
    .default('auto')
    .describe('likelihood: the label with the highest log-likelihood; generate: the text is compared; auto: likelihood for local models where the task has labels; target: how likely the target is after the prompt; rolling: how likely the target is as a text by itself, of any length'),
  split: z.string().default('test').describe('the items that are scored'),
  limit,
  ...calls,
  price,
  ...decoding,
})
export type PromptParameters = z.infer<typeof PromptParametersSchema>

const training = {
  learningRate: z.number().positive().describe('highest rate of the schedule'),
  schedule: z.enum(['linear', 'cosine', 'constant']).describe('how the rate falls to 0 after the warm-up'),
  warmupSteps: z.number().int().nonnegative().describe('optimizer steps over which the rate rises from 0; at most all of them'),
  warmupRatio: z.number().min(0).max(1).optional().describe('share of the steps over which the rate rises, rounded up; wins over warmupSteps'),
  weightDecay: z.number().nonnegative().describe('decoupled, as in AdamW'),
  maxGradNorm: z.number().positive().default(1).describe('gradients with a larger global L2 norm are scaled down to it'),
  labelSmoothing: z.number().min(0).lt(1).default(0).describe('share of the probability spread over the whole vocabulary; validation loss stays without it'),
  batchSize: z.number().int().min(1).max(4096).describe('rows computed at once'),
  accumulationSteps: z.number().int().min(1).max(4096).default(1).describe('batches per optimizer step, each weighted by its learned tokens'),
  maxLength: z.number().int().min(8).max(131_072).describe('tokens per row; longer examples are cut'),
  gradientCheckpointing: z.boolean().default(false).describe('compute each layer again in the backward pass: less memory for longer rows, about a third more time'),
  packing: z.boolean().describe('several examples in one row, with attention kept apart'),
  evalEvery: z.number().int().positive().describe('optimizer steps between evaluations; a checkpoint is kept at each'),
  bestMetric: z.enum(['loss', 'accuracy', 'token_accuracy']).default('loss').describe('of the validation split: the checkpoint with its best value is recommended'),
  keepCheckpoints: z.number().int().min(1).optional().describe('how many of the newest checkpoints are kept, beside the best and the picked one; left out: all'),
  earlyStoppingPatience: z.number().int().min(1).optional().describe('evaluations in a row without a better bestMetric that end the run; left out: it takes all its steps'),
  earlyStoppingMinDelta: z.number().nonnegative().default(0).describe('what is better by no more than this counts as no better'),
  evalLimit: z.number().int().positive().optional().describe('items of the validation split per evaluation'),
  threads: z.number().int().min(1).max(256).optional().describe('CPU threads; left out: all the worker has'),
  device: z.enum(DEVICE_KINDS).default('cpu').describe('a missing device fails the run; none is taken in its place'),
}

export const LoraParametersSchema = z.strictObject({
  model: z.string().min(1).default('nano-pt-en').describe('a folder in models/, or run:ID of a run that trained a whole model'),
  method: z.enum(['lora', 'full']).default('lora').describe('lora: an adapter on the frozen model; full: every weight, each checkpoint a whole model'),
  saveDtype: z.enum(['F32', 'BF16']).default('F32').describe('number format of the whole models that method full writes'),
  baseDtype: BaseDtypeSchema.default('stored').describe('number format in which the frozen weights are held; int8, int4 and nf4 quantise the linear layers block by block (QLoRA)'),
  rank: z.number().int().min(1).max(4096).default(8).describe('rank r of the update B·A'),
  alpha: z.number().positive().optional().describe('left out: twice the rank'),
  dropout: z.number().min(0).lt(1).default(0).describe('probability of dropping an input of A'),
  targetModules: z
    .union([z.array(z.enum(['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])).min(1), z.string().min(1)])
    .default(['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'])
    .describe('layers that get an update; as one text: all-linear, or a regular expression for whole paths'),
  useRslora: z.boolean().default(false).describe('scale by alpha/√rank instead of alpha/rank'),
  useDora: z.boolean().default(false).describe('DoRA: train the length of each output row beside its direction'),
  loraInit: z.enum(['kaiming', 'gaussian']).default('kaiming').describe('first values of A: uniform in ±1/√in, or normal with deviation 1/rank'),
  loraPlusRatio: z.number().positive().default(1).describe('LoRA+: learning rate of B over that of A'),
  ...training,
  learningRate: training.learningRate.default(2e-3),
  schedule: training.schedule.default('cosine'),
  warmupSteps: training.warmupSteps.default(10),
  weightDecay: training.weightDecay.default(0),
  batchSize: training.batchSize.default(16),
  maxLength: training.maxLength.default(256),
  packing: training.packing.default(true),
  evalEvery: training.evalEvery.default(20),
  epochs: z.number().positive().default(3).describe('passes over the training items'),
  steps: z.number().int().positive().optional().describe('optimizer steps; wins over epochs'),
  trainLimit: z.number().int().positive().optional().describe('use only this many training examples, drawn by the seed'),
  template: z.string().min(1).default('{{ input }}').describe('Jinja template of the prompt'),
  completion: z.string().min(1).default(' {{ target }}').describe('Jinja template of the answer'),
  chatTemplate: z.boolean().default(false).describe('put prompt and answer into the chat template of the model as user and assistant; conversations always are'),
  system: z.string().optional().describe('system message of each conversation that has none'),
  lossOn: z
    .enum(['auto', 'completion', 'assistant', 'all'])
    .default('auto')
    .describe('what is learned: the completion (all that follows the prompt), every assistant turn, or all tokens; auto: assistant turns of conversations, the completion of others, all of a text'),
  truncation: z.enum(['keep_start', 'keep_end']).default('keep_start').describe('which end of an example longer than maxLength is kept'),
  samples: z.array(z.string().min(1)).max(20).default([]).describe('prompts answered at each checkpoint; left out: three validation items'),
  testSplit: z.string().nullable().default('test').describe('split scored with the best checkpoint at the end; null: none'),
  testLimit: z.number().int().positive().optional().describe('use only this many test items, drawn by the seed'),
  maxTokens: z.number().int().min(1).max(32_768).default(64).describe('tokens of an answer to a test item at most'),
  price,
})
export type LoraParameters = z.infer<typeof LoraParametersSchema>

/** Documents are streamed one after another, so there is nothing to pack. */
const { packing: _packing, ...withoutPacking } = training

export const PretrainParametersSchema = z.strictObject({
  vocabSize: z.number().int().min(300).max(262_144).default(4096).describe('tokens of the byte-level BPE that is trained first'),
  hiddenSize: z.number().int().positive().default(256).describe('width; a multiple of heads'),
  intermediateSize: z.number().int().positive().default(640).describe('width of the gated feed-forward layer'),
  layers: z.number().int().positive().default(6).describe('transformer blocks'),
  heads: z.number().int().positive().default(8).describe('attention heads'),
  kvHeads: z.number().int().positive().default(4).describe('key and value heads; divides heads'),
  contextLength: z.number().int().positive().default(1024).describe('longest sequence the model will accept, in tokens'),
  ropeTheta: z.number().positive().default(10_000).describe('base of the rotary position embedding'),
  ...withoutPacking,
  learningRate: training.learningRate.default(2e-3),
  schedule: training.schedule.default('cosine'),
  warmupSteps: training.warmupSteps.default(100),
  weightDecay: training.weightDecay.default(0.1),
  batchSize: training.batchSize.default(16),
  maxLength: training.maxLength.default(256),
  evalEvery: training.evalEvery.default(100),
  bestMetric: training.bestMetric.removeDefault().extract(['loss', 'token_accuracy']).default('loss').describe('of the held-out documents: the checkpoint with its best value is recommended'),
  evalSplit: z.string().default('validation').describe('held-out documents'),
  steps: z.number().int().positive().default(1000).describe('optimizer steps'),
  samples: z.array(z.string().min(1)).max(20).default([]).describe('texts continued at each checkpoint'),
  price,
})
export type PretrainParameters = z.infer<typeof PretrainParametersSchema>

export const RagParametersSchema = z.strictObject({
  ...retrieval,
  embeddingModel: EmbedderSchema.default('use-lite-en').describe('use-lite-en: Universal Sentence Encoder Lite, English, on this machine; or an endpoint with embeddings (see below)'),
  split: z.string().default('test').describe('the items that are scored'),
  limit,
  ...calls,
  price,
})
export type RagParameters = z.infer<typeof RagParametersSchema>

export const PARAMETERS_BY_KIND = {
  prompt: PromptParametersSchema,
  lora: LoraParametersSchema,
  rag: RagParametersSchema,
  pretrain: PretrainParametersSchema,
} as const
