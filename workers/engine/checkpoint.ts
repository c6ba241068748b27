/**
 * A training checkpoint: a PEFT adapter or a whole model that other tools load, beside optimizer.safetensors, with which
 * the run goes on exactly where it stopped, and trainer_state.json with its course as Hugging Face's Trainer writes it.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { EngineError } from './engine-error.js'
import type { LlamaConfig, LoraOptions, TrainerOptions, TrainingCourse } from './engine.js'
import { readPeftAdapter, writePeftAdapter } from './formats/peft.js'
import { writeAtomically } from './formats/file-bytes.js'
import { float32ToBfloat16 } from './formats/half-floats.js'
import { readSafetensors, readSafetensorsHeader, readTensorF32, writeSafetensors, type TensorToWrite } from './formats/safetensors.js'
import { EVERY_LAYER, type LoraTarget } from './lora.js'
import { writeLlamaConfig } from './models/llama-config.js'
import type { TensorState } from './optim.js'
import type { Parameters } from './parameters.js'
import { sizeOf } from './tensor.js'

export interface CheckpointState {
  /** Updates done. */
  step: number
  tensors: Map<string, TensorState>
}

export interface CheckpointContext {
  options: TrainerOptions
  config: LlamaConfig
  parameters: Parameters
  dataHash: string
  stepsPerEpoch: number
  course?: TrainingCourse
}

const STATE_FILE = 'trainer_state.json'
const OPTIMIZER_FILE = 'optimizer.safetensors'

/** Every file is written whole or not at all; trainer_state.json comes last, so a folder that has it is complete. */
export function writeCheckpoint(folder: string, state: CheckpointState, context: CheckpointContext): void {
  const { options, config, parameters: { trainable } } = context
  mkdirSync(folder, { recursive: true })
  const shapeOf = (name: string): number[] => [...(trainable.get(name)?.shape ?? [])]
  if (options.lora === null) writeModel(folder, state, { options, config, shapeOf })
  else writeAdapter(folder, state, { options, shapeOf, targets: context.parameters.targets })
  const moments = new Map<string, TensorToWrite>()
  for (const [name, { value, mean, variance }] of state.tensors) {
    moments.set(`${name}.exp_avg`, { dtype: 'F32', shape: shapeOf(name), data: mean })
    moments.set(`${name}.exp_avg_sq`, { dtype: 'F32', shape: shapeOf(name), data: variance })
    // The model file is rounded; going on exactly needs what was rounded.
    if (options.saveDtype === 'BF16' && options.lora === null) moments.set(`${name}.master`, { dtype: 'F32', shape: shapeOf(name), data: value })
  }
  writeSafetensors(join(folder, OPTIMIZER_FILE), moments, { format: 'pt', run: JSON.stringify(runIdentity(context)) })
  writeJson(join(folder, STATE_FILE), trainerState(state.step, context))
}

/** The fields of transformers' TrainerState that mean something here, by their names there; that class reads the file. */
function trainerState(step: number, { options, stepsPerEpoch, course }: CheckpointContext): Record<string, unknown> {
  const best = course?.best ?? null
  return {
    best_global_step: best?.step ?? null,
    best_metric: best?.value ?? null,
    best_model_checkpoint: best === null ? null : `checkpoint-${best.step}`,
    epoch: step / stepsPerEpoch,
    ...(course === undefined ? {} : { eval_steps: course.evalSteps }),
    global_step: step,
    log_history: course?.logHistory ?? [],
    ...(course === undefined ? {} : { logging_steps: course.loggingSteps }),
    max_steps: options.totalSteps,
    num_input_tokens_seen: course?.inputTokens ?? 0,
    num_train_epochs: Math.ceil(options.totalSteps / stepsPerEpoch),
    ...(course === undefined ? {} : { save_steps: course.evalSteps }),
    train_batch_size: options.batchSize,
  }
}

/** Reads what `writeCheckpoint` wrote; refuses a folder of another run by the first thing that differs. */
export function readCheckpoint(folder: string, context: CheckpointContext): CheckpointState {
  const { options, parameters: { trainable } } = context
  const step = readStep(folder)
  const optimizerPath = join(folder, OPTIMIZER_FILE)
  const { tensors: optimizer, metadata } = readSafetensors(optimizerPath)
  assertSameRun(folder, metadata['run'], context)
  const moment = (name: string): Float32Array => {
    const entry = optimizer.get(name)
    if (entry === undefined) throw invalid(folder, `${OPTIMIZER_FILE} lacks "${name}"`)
    return readTensorF32(optimizerPath, entry)
  }
  const values = options.lora !== null ? adapterValues(folder) : options.saveDtype === 'BF16' ? (name: string) => moment(`${name}.master`) : modelValues(folder)
  const tensors = new Map<string, TensorState>()
  for (const [name, { shape }] of trainable) {
    const tensor = { value: values(name), mean: moment(`${name}.exp_avg`), variance: moment(`${name}.exp_avg_sq`) }
    for (const data of Object.values(tensor)) {
      if (data.length !== sizeOf(shape)) throw invalid(folder, `"${name}" has ${data.length} elements, this run trains ${sizeOf(shape)}`)
    }
    tensors.set(name, tensor)
  }
  return { step, tensors }
}

function writeModel(folder: string, state: CheckpointState, { options, config, shapeOf }: { options: TrainerOptions; config: LlamaConfig; shapeOf: (name: string) => number[] }): void {
  const isHalf = options.saveDtype === 'BF16'
  const tensors = new Map<string, TensorToWrite>()
  for (const [name, { value }] of state.tensors) {
    tensors.set(name, isHalf ? { dtype: 'BF16', shape: shapeOf(name), data: () => [float32ToBfloat16(value)] } : { dtype: 'F32', shape: shapeOf(name), data: value })
  }
  writeSafetensors(join(folder, 'model.safetensors'), tensors, { format: 'pt' })
  // The base model's own file also says what this engine does not need to know, such as its end tokens.
  const { dtype: _dtype, ...fields } = options.config === undefined ? readJson(join(options.modelFolder, 'config.json')) : writeLlamaConfig(config)
  writeJson(join(folder, 'config.json'), { ...fields, torch_dtype: isHalf ? 'bfloat16' : 'float32' })
}

function readJson(path: string): Record<string, unknown> {
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
  return isRecord(parsed) ? parsed : {}
}

function writeAdapter(folder: string, state: CheckpointState, { options, shapeOf, targets }: { options: TrainerOptions; shapeOf: (name: string) => number[]; targets: readonly LoraTarget[] }): void {
  const { lora, modelFolder, base } = options
  if (lora === null) return
  const { rank, alpha, dropout, useRslora = false, useDora, init } = lora
  writePeftAdapter(folder, {
    config: { rank, alpha, dropout, targetModules: writtenTargets(lora, targets), useRslora, useDora, init, baseModelNameOrPath: basename(modelFolder) },
    weights: new Map([...state.tensors].map(([name, { value }]) => [name, { shape: shapeOf(name), data: value }])),
  }, base === undefined ? {} : { base_dtype: base.dtype })
}

/** A list of names is taken literally by other readers, so "all-linear" is written as the layers it stands for. */
function writtenTargets({ targetModules }: LoraOptions, targets: readonly LoraTarget[]): string[] | string {
  if (targetModules !== EVERY_LAYER && !targetModules.includes(EVERY_LAYER)) return targetModules
  return [...new Set(targets.map(({ module }) => module.slice(module.lastIndexOf('.') + 1)))]
}

function adapterValues(folder: string): (name: string) => Float32Array {
  const { weights } = readPeftAdapter(folder)
  return (name) => weights.get(name)?.data ?? fail(folder, name)
}

function modelValues(folder: string): (name: string) => Float32Array {
  const path = join(folder, 'model.safetensors')
  const header = readSafetensorsHeader(path)
  return (name) => {
    const entry = header.get(name)
    return entry === undefined ? fail(folder, name) : readTensorF32(path, entry)
  }
}

/** What must be equal for a run to go on bit for bit. Threads, device and folders may differ. */
function runIdentity({ options, config, dataHash }: CheckpointContext): Record<string, unknown> {
  const { base, seed, batchSize, accumulationSteps = 1, maxLength, packing, lora, learningRate, schedule, warmupSteps, totalSteps, weightDecay, maxGradNorm, betas, eps, labelSmoothing = 0, saveDtype = 'F32' } = options
  return { baseDtype: base?.dtype ?? 'stored', seed, batchSize, accumulationSteps, maxLength, packing, lora, learningRate, schedule, warmupSteps, totalSteps, weightDecay, maxGradNorm, betas, eps, labelSmoothing, saveDtype, config, dataHash }
}

function readStep(folder: string): number {
  const path = join(folder, STATE_FILE)
  let state: unknown
  try {
    state = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new EngineError('checkpoint_invalid', `cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}; a checkpoint without it is incomplete, use an earlier one`, { path }, cause)
  }
  if (!isRecord(state) || typeof state.global_step !== 'number' || !Number.isInteger(state.global_step)) throw invalid(folder, `${STATE_FILE} lacks global_step`)
  return state.global_step
}

function assertSameRun(folder: string, written: string | undefined, context: CheckpointContext): void {
  const run: unknown = written === undefined ? undefined : JSON.parse(written)
  if (!isRecord(run)) throw invalid(folder, `${OPTIMIZER_FILE} does not say which run it is of`)
  for (const [name, value] of Object.entries(runIdentity(context))) {
    const wanted: unknown = JSON.parse(JSON.stringify(value))
    const saved = run[name]
    if (!isDeepStrictEqual(saved, wanted)) throw invalid(folder, `it was trained with ${name} = ${JSON.stringify(saved)}, this run has ${JSON.stringify(wanted)}; resume with the same value or start a new run`)
  }
}

/** JSON has no NaN, and null would be a missing value: what is no finite number is written by its name. */
function writeJson(path: string, value: unknown): void {
  const named = (_key: string, field: unknown): unknown => (typeof field === 'number' && !Number.isFinite(field) ? String(field) : field)
  writeAtomically(path, [Buffer.from(`${JSON.stringify(value, named, 2)}\n`)])
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function fail(folder: string, name: string): never {
  throw invalid(folder, `it lacks the weight "${name}"`)
}

function invalid(folder: string, problem: string): EngineError {
  return new EngineError('checkpoint_invalid', `checkpoint ${folder}: ${problem}`, { folder })
}
