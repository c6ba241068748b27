/**
 * The types other code writes against: what a trainer takes, does and reports.
 * `createTrainer(options, examples)` in trainer.ts makes one; this file has no code,
 * so importing it never loads ONNX Runtime.
 */
import type { BaseWeights } from './weight-cache.js'

/** Rotary frequency scaling of Llama 3.1 and later (`rope_type: "llama3"`). */
export interface Llama3RopeScaling {
  factor: number
  lowFreqFactor: number
  highFreqFactor: number
  originalMaxPositions: number
}

/** The Llama family: Llama 2/3, Mistral, Qwen2 (qkvBias), SmolLM2. Parsed from config.json by models/llama-config.ts. */
export interface LlamaConfig {
  hiddenSize: number
  intermediateSize: number
  layers: number
  heads: number
  kvHeads: number
  headDim: number
  vocabSize: number
  /** Longest sequence the model may see, in tokens. */
  maxPositions: number
  ropeTheta: number
  ropeScaling: Llama3RopeScaling | null
  rmsNormEps: number
  tieEmbeddings: boolean
  /** Bias on the query, key and value projections (Qwen2). */
  qkvBias: boolean
}

export interface TrainingExample {
  id: string
  tokens: Int32Array | number[]
  /** Same length as tokens and unshifted, as in Hugging Face: labels[t] is tokens[t] where it is learned, -100 where it is masked. */
  labels: Int32Array | number[]
}

export interface LoraOptions {
  rank: number
  alpha: number
  /** Probability in [0, 1) of dropping an input of A. */
  dropout: number
  /** Names of linear layers, matched by suffix: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj; or one text: "all-linear", or a regular expression for whole paths. */
  targetModules: string[] | string
  /** Scale by alpha/√rank instead of alpha/rank (Kalajdzievski 2023, arXiv:2312.03732). */
  useRslora?: boolean
  /** Train the length of each output row beside its direction (DoRA, Liu et al. 2024, arXiv:2402.09353). */
  useDora?: boolean
  /** First values of A: "kaiming" draws U(±1/√in), "gaussian" N(0, 1/rank). Default "kaiming". B starts as 0. */
  init?: 'kaiming' | 'gaussian'
  /** Learning rate of B (and of DoRA's lengths) over that of A (LoRA+, Hayou et al. 2024, arXiv:2402.12354). Default 1. */
  loraPlusRatio?: number
}

/** The first three are execution providers of ONNX Runtime, the others back ends of TensorFlow.js. */
export type Device = 'cpu' | 'webgpu' | 'cuda' | 'tfjs-wasm' | 'tfjs-webgpu' | 'tfjs-node' | 'tfjs-node-gpu'
export type Schedule = 'linear' | 'cosine' | 'constant'

export interface TrainerOptions {
  /** Folder with config.json and *.safetensors; not read where `config` starts a model from nothing. */
  modelFolder: string
  /** null trains every weight. */
  lora: LoraOptions | null
  /** The number format of the frozen weights; left out, that of the folder. Only with `lora`. */
  base?: BaseWeights
  /** Start from seeded random weights of this shape: N(0, 0.02), norms 1. Only with `lora: null`. */
  config?: LlamaConfig
  learningRate: number
  schedule: Schedule
  warmupSteps: number
  totalSteps: number
  weightDecay: number
  /** Global L2 norm above which gradients are scaled down; 0 turns clipping off. */
  maxGradNorm: number
  betas: [number, number]
  eps: number
  /** Share of each label's probability spread evenly over the vocabulary while training, in [0, 1). Default 0. */
  labelSmoothing?: number
  /** Rows computed at once. */
  batchSize: number
  /** Batches whose gradients make one update, weighted by their supervised tokens. Default 1. */
  accumulationSteps?: number
  /** Longer examples keep their first maxLength tokens. */
  maxLength: number
  /** Put several short examples in one row, with attention kept inside each. */
  packing: boolean
  /** Compute each layer again in the backward pass instead of keeping its activations: less memory, about a third more time. */
  gradientCheckpointing?: boolean
  seed: number
  threads: number
  device: Device
  /** Number format of the weights `save` writes when all weights are trained. Default F32. */
  saveDtype?: 'F32' | 'BF16'
}

export interface StepReport {
  /** 1 for the first update. */
  step: number
  /** What this step minimised, in nats: the mean negative log-likelihood of its supervised tokens, with label smoothing where it is on. */
  loss: number
  /** The rate this update used. */
  learningRate: number
  /** Global L2 norm before clipping. */
  gradNorm: number
  /** Tokens read, context included, padding excluded. */
  tokens: number
  supervisedTokens: number
  /** Share of the supervised tokens that were the model's first choice, in [0, 1]; with dropout, where it is on. */
  tokenAccuracy: number
  durationMs: number
}

export interface ExampleLoss {
  id: string
  /** Mean negative log-likelihood over the supervised tokens, in nats; NaN where there is none. */
  loss: number
  /** Supervised tokens. */
  tokens: number
  /** Supervised tokens whose label is the model's first choice. */
  correctTokens: number
  /** Negative log-likelihood of each supervised token in nats, in their order: `tokens` values, whose mean is `loss`. */
  tokenLosses: Float32Array
}

export interface Evaluation {
  /** Token-weighted mean negative log-likelihood, in nats. */
  loss: number
  /** exp(loss). */
  perplexity: number
  /** Share of supervised tokens predicted exactly, in [0, 1]. */
  tokenAccuracy: number
  tokens: number
  perExample: ExampleLoss[]
}

/** How a run has gone, for Hugging Face's trainer_state.json. */
export interface TrainingCourse {
  /** The best evaluation so far. */
  best: { step: number; value: number } | null
  /** Rows as Hugging Face's Trainer logs them: {step, epoch, loss, learning_rate, …} or {step, epoch, eval_loss, …}. */
  logHistory: readonly Readonly<Record<string, number>>[]
  loggingSteps: number
  evalSteps: number
  inputTokens: number
}

export interface Trainer {
  readonly config: LlamaConfig
  readonly trainableParameters: number
  /** Updates done so far. */
  readonly globalStep: number
  /** What the largest step compiled so far holds in intermediate results at once, in bytes; weights and optimizer come on top. */
  readonly peakActivationBytes: number
  /** Passes over the data done so far, with the fraction of the running one. */
  readonly epoch: number
  readonly stepsPerEpoch: number
  /** One update on the next batch in seeded order. Throws EngineError when the loss is not finite; the weights then stay as they were. */
  step(): Promise<StepReport>
  evaluate(examples: TrainingExample[]): Promise<Evaluation>
  /** The live trainable tensors, which `step` changes in place: by Hugging Face name, or `module.lora_A.weight`, `module.lora_B.weight` and, with DoRA, `module.lora_magnitude_vector`. */
  weights(): Map<string, Float32Array>
  /** Writes a PEFT adapter or a whole model, plus optimizer.safetensors and trainer_state.json. */
  save(folder: string, course?: TrainingCourse): Promise<void>
  /** Continues from a folder that `save` wrote: on the CPU the run goes on bit for bit as if it had not stopped. */
  restore(folder: string): Promise<void>
  /** Gives back what compiled steps hold, where it is more than a little; the next step compiles anew. For whoever wants the memory meanwhile. */
  release(): Promise<void>
  dispose(): Promise<void>
}
