/*
 * What was trained, in the form another tool loads: a PEFT adapter, a whole model in Hugging Face's layout, or GGUF.
 * Works on local folders alone and says what was written, how it is used, and what to know about it.
 */
import { readdir } from 'node:fs/promises'
import { basename, isAbsolute, join } from 'node:path'
import type { WrittenType } from './engine/formats/gguf-types.js'
import { readPeftAdapter, vllmServing } from './engine/formats/peft.js'
import { exportGgufAdapter, exportGgufModel, ggufFileName } from './engine/gguf-export.js'
import { mergeModel } from './engine/merge.js'
import type { FloatDtype } from './engine/merged-weights.js'
import { findModelFolder } from './model-source.js'
import { RunFailure } from './run-context.js'

const FORMATS = ['peft', 'merged', 'gguf', 'gguf-lora'] as const
export type Format = (typeof FORMATS)[number]

export interface ConversionRequest {
  format: string
  /** Number format of the weights; left out: the model's own when merged, f16 for a GGUF model, f32 for a GGUF adapter. */
  dtype: string | undefined
  /** The whole model: a name under models/, or the absolute path of a folder. Not needed to look at an adapter. */
  model: string | undefined
  /** PEFT folder, where an adapter was trained. */
  adapter: string | undefined
  /** Folder to write into. For `peft` the adapter lies there already. */
  out: string
  modelRoots: string[]
}

export interface Conversion {
  files: string[]
  /** Lines to type, or to put into a program. */
  use: string[]
  notes: string[]
}

const DTYPES: Readonly<Record<string, WrittenType>> = { f32: 'F32', f16: 'F16', bf16: 'BF16', q8_0: 'Q8_0' }
const DTYPES_OF: Record<Format, readonly string[]> = { peft: [], merged: ['f32', 'f16', 'bf16'], gguf: ['f32', 'f16', 'bf16', 'q8_0'], 'gguf-lora': ['f32', 'f16', 'bf16', 'q8_0'] }

/** @throws {RunFailure | EngineError} naming what is wrong and what to do */
export async function convert(request: ConversionRequest): Promise<Conversion> {
  const format = FORMATS.find((known) => known === request.format)
  if (format === undefined) throw new RunFailure('invalid_params', `--format is "${request.format}"; it must be one of ${FORMATS.join(', ')}`)
  const dtype = readDtype(format, request.dtype)
  if (format === 'peft') return describeAdapter(needed(request.adapter, format))
  const modelFolder = await folderOf(request)
  switch (format) {
    case 'merged':
      return merged(request, { modelFolder, dtype: dtype === undefined || dtype === 'Q8_0' ? undefined : dtype })
    case 'gguf':
      return ggufModel(request, { modelFolder, dtype: dtype ?? 'F16' })
    case 'gguf-lora':
      return ggufAdapter(request, { modelFolder, adapterFolder: needed(request.adapter, format), dtype: dtype ?? 'F32' })
  }
}

function readDtype(format: Format, dtype: string | undefined): WrittenType | undefined {
  if (dtype === undefined) return undefined
  const allowed = DTYPES_OF[format]
  if (allowed.length === 0) throw new RunFailure('invalid_params', `--dtype does not go with --format ${format}: an adapter is kept in the float32 it was trained in`)
  if (!allowed.includes(dtype)) throw new RunFailure('invalid_params', `--dtype is "${dtype}"; with --format ${format} it can be ${allowed.join(', ')}`)
  return DTYPES[dtype]
}

function needed(adapter: string | undefined, format: Format): string {
  if (adapter !== undefined) return adapter
  throw new RunFailure('invalid_params', `--format ${format} needs an adapter, and this run trained whole weights; use --format merged or gguf`)
}

async function folderOf({ model, modelRoots }: ConversionRequest): Promise<string> {
  if (model === undefined) throw new RunFailure('invalid_params', 'the base model is not named')
  return isAbsolute(model) ? model : findModelFolder(model, modelRoots)
}

async function describeAdapter(folder: string): Promise<Conversion> {
  const { config } = readPeftAdapter(folder)
  const serving = vllmServing(config)
  const base = config.baseModelNameOrPath
  const use = [`PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("${base}"), ".")`]
  if ('maxLoraRank' in serving) use.push(`vllm serve ${base} --enable-lora --max-lora-rank ${serving.maxLoraRank} --lora-modules tuned=.`)
  return { files: await readdir(folder), use, notes: 'obstacle' in serving ? [serving.obstacle] : [] }
}

async function merged({ adapter = null, out }: { adapter?: string | null; out: string }, { modelFolder, dtype }: { modelFolder: string; dtype: FloatDtype | undefined }): Promise<Conversion> {
  const files = mergeModel({ modelFolder, adapterFolder: adapter, folder: out, ...(dtype === undefined ? {} : { dtype }) })
  return { files, use: ['AutoModelForCausalLM.from_pretrained(".")', 'vllm serve .'], notes: [] }
}

async function ggufModel({ adapter = null, out }: { adapter?: string | null; out: string }, { modelFolder, dtype }: { modelFolder: string; dtype: WrittenType }): Promise<Conversion> {
  const name = ggufFileName(basename(modelFolder), dtype)
  const note = exportGgufModel({ modelFolder, adapterFolder: adapter, path: join(out, name), dtype })
  return { files: [name], use: [`llama-server -m ${name}`], notes: note === null ? [] : [note] }
}

async function ggufAdapter({ out }: { out: string }, { modelFolder, adapterFolder, dtype }: { modelFolder: string; adapterFolder: string; dtype: WrittenType }): Promise<Conversion> {
  const name = ggufFileName(`${basename(modelFolder)}-lora`, dtype)
  exportGgufAdapter({ modelFolder, adapterFolder, path: join(out, name), dtype })
  return { files: [name], use: [`llama-server -m BASE.gguf --lora ${name}`], notes: [] }
}
