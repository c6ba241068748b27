import { z } from 'zod'

/**
 * The parameters of each kind of run. Any of them may be fixed or be an axis of a sweep.
 * Units stand in the names or the descriptions; the defaults are the field's usual ones.
 */

/** What a model can be computed on: execution providers of ONNX Runtime, then back ends of TensorFlow.js. */
export const DEVICE_KINDS = ['cpu', 'webgpu', 'cuda', 'tfjs-wasm', 'tfjs-webgpu', 'tfjs-node', 'tfjs-node-gpu'] as const

/** US dollars per million tokens, or per hour of the machine. A price that is not known is left out, never 0. */
export const PriceSchema = z.strictObject({
  inputPerMillion: z.number().nonnegative().optional(),
  outputPerMillion: z.number().nonnegative().optional(),
  perHour: z.number().nonnegative().optional().describe('for local models: what an hour of the machine costs'),
})
export type Price = z.infer<typeof PriceSchema>

/** A model behind any OpenAI-compatible endpoint. */
export const EndpointSchema = z.strictObject({
  provider: z.literal('openai'),
  baseUrl: z.url({ protocol: /^https?$/ }).describe('for example http://127.0.0.1:11434/v1'),
  model: z.string().min(1),
  apiKeyEnv: z
    .string()
    .regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable of the worker, never the key itself')
    .optional(),
  price: PriceSchema.optional(),
})
export type Endpoint = z.infer<typeof EndpointSchema>

/**
 * A local model is named by its folder in models/; a fine-tuned one by `run:ID` (its picked,
 * else its best checkpoint) or `run:ID@STEP`.
 */
export const ModelSchema = z.union([z.string().min(1), EndpointSchema])
export type ModelRef = z.infer<typeof ModelSchema>

const model = ModelSchema.default('nano-pt-en').describe('a folder in models/, run:ID or run:ID@STEP, or an endpoint (see below)')
const price = PriceSchema.optional().describe('price of the local machine; unknown cost stays unknown when left out')
const limit = z.number().int().positive().optional().describe('use only this many items of the split, drawn by the seed')

const decoding = {
  temperature: z.number().min(0).max(5).default(0).describe('0 always takes the most probable token'),
  topK: z.number().int().positive().optional().describe('sample among this many tokens only'),
  topP: z.number().gt(0).max(1).optional().describe('sample among the fewest tokens that hold this probability'),
  maxTokens: z.number().int().min(1).max(32_768).default(64).describe('tokens of an answer at most'),
  stop: z.array(z.string().min(1)).max(16).default([]).describe('texts before which an answer ends'),
}

export const PromptParametersSchema = z.strictObject({
  model,
  template: z.string().min(1).default('{{ input }}').describe('Jinja template of one question; every field of the item is a variable'),
  example: z.string().min(1).optional().describe('template of a few-shot example with its answer; left out: the template, a space and the target'),
  system: z.string().optional().describe('system message; put in front when the model has no chat template'),
  separator: z.string().default('\n\n').describe('between few-shot examples'),
  shots: z.number().int().min(0).max(256).default(0).describe('few-shot examples, balanced over the labels, drawn from the train split'),
  scoring: z
    .enum(['auto', 'likelihood', 'generate'])
    .default('auto')
    .describe('likelihood: the label with the highest log-likelihood; generate: the text is compared; auto: likelihood where model and task allow it'),
  split: z.string().default('test').describe('the items that are scored'),
  limit,
  concurrency: z.number().int().min(1).max(256).default(4).describe('requests in flight, for endpoints'),
  timeoutSeconds: z.number().positive().default(60).describe('deadline of one call'),
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
  evalLimit: z.number().int().positive().optional().describe('items of the validation split per evaluation'),
  threads: z.number().int().min(1).max(256).optional().describe('CPU threads; left out: all the worker has'),
  device: z.enum(DEVICE_KINDS).default('cpu').describe('a missing device fails the run; none is taken in its place'),
}

export const LoraParametersSchema = z.strictObject({
  model: z.string().min(1).default('nano-pt-en').describe('a folder in models/'),
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
  evalSplit: z.string().default('validation').describe('held-out documents'),
  steps: z.number().int().positive().default(1000).describe('optimizer steps'),
  samples: z.array(z.string().min(1)).max(20).default([]).describe('texts continued at each checkpoint'),
  price,
})
export type PretrainParameters = z.infer<typeof PretrainParametersSchema>

export const RagParametersSchema = z.strictObject({
  chunkSize: z.number().int().min(16).max(100_000).default(800).describe('characters per chunk'),
  chunkOverlap: z.number().int().nonnegative().default(0).describe('characters shared by neighbouring chunks; must be less than chunkSize'),
  k: z.number().int().min(1).max(1000).default(5).describe('chunks retrieved per question'),
  retriever: z.enum(['bm25', 'embedding', 'hybrid']).default('bm25').describe('hybrid: reciprocal rank fusion of both'),
  embeddingModel: z.enum(['use-lite-en']).default('use-lite-en').describe('Universal Sentence Encoder Lite, English'),
  bm25K1: z.number().nonnegative().default(1.2).describe('how soon repeated words stop counting more'),
  bm25B: z.number().min(0).max(1).default(0.75).describe('how much long chunks are held back'),
  split: z.string().default('test').describe('the items that are scored'),
  limit,
  price,
})
export type RagParameters = z.infer<typeof RagParametersSchema>

export const PARAMETERS_BY_KIND = {
  prompt: PromptParametersSchema,
  lora: LoraParametersSchema,
  rag: RagParametersSchema,
  pretrain: PretrainParametersSchema,
} as const
