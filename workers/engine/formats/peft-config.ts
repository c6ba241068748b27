// adapter_config.json of Hugging Face PEFT, both ways. The keys written are the stable set that every PEFT from
// 0.10 on and vLLM read. On reading, what changes the mathematics is either honoured (rank_pattern, alpha_pattern,
// use_rslora, use_dora) or refused by name; an unknown key with a value is refused too, because nobody here knows
// what it changes. Layout: peft/tuners/lora/config.py, peft/utils/other.py (get_pattern_key).

import { readFileSync } from 'node:fs'
import { EngineError } from '../engine-error.js'

/** The PEFT release whose file layout is written. */
const PEFT_LAYOUT_VERSION = '0.18.0'

export interface LoraAdapterConfig {
  rank: number
  alpha: number
  dropout: number
  /** Module names ("q_proj"), or PEFT's single string ("all-linear" or a regular expression). */
  targetModules: string[] | string
  /** Scale by alpha / √rank instead of alpha / rank (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732). */
  useRslora: boolean
  /** A trained length per output row beside the direction (DoRA, Liu et al. 2024, arXiv 2402.09353). Default false. */
  useDora?: boolean
  /** How A began: "kaiming" (default) or "gaussian". It changes nothing in a trained adapter. */
  init?: 'kaiming' | 'gaussian'
  /** Ranks and alphas of modules that differ, by PEFT's patterns: the end of the module path, or a regular expression for it. */
  rankPattern?: Record<string, number>
  alphaPattern?: Record<string, number>
  baseModelNameOrPath: string
}

/** The factor on B·A·x: alpha / rank, or alpha / √rank under rsLoRA. */
export function loraScaling(config: Pick<LoraAdapterConfig, 'rank' | 'alpha' | 'useRslora'>): number {
  return config.alpha / (config.useRslora ? Math.sqrt(config.rank) : config.rank)
}

/** Rank and scaling of one module, patterns applied. */
export function moduleScaling(config: LoraAdapterConfig, module: string): { rank: number; scaling: number } {
  const rank = valueByPattern(config.rankPattern ?? {}, module) ?? config.rank
  const alpha = valueByPattern(config.alphaPattern ?? {}, module) ?? config.alpha
  return { rank, scaling: loraScaling({ rank, alpha, useRslora: config.useRslora }) }
}

/** The first pattern that is the module's path or ends it after a dot, as PEFT looks it up. */
function valueByPattern(patterns: Readonly<Record<string, number>>, module: string): number | undefined {
  for (const [pattern, value] of Object.entries(patterns)) {
    if (pythonRegExp(`(?:.*\\.)?(?:${pattern})`).test(module)) return value
  }
  return undefined
}

/** A regular expression that must match the whole text, as Python's re.fullmatch. Throws SyntaxError where JavaScript cannot read it. */
export function pythonRegExp(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, 's')
}

/** Text of adapter_config.json, byte for byte as Python's json.dumps(indent=2, sort_keys=True) would print it. */
export function adapterConfigJson(config: LoraAdapterConfig): string {
  const sorted = (patterns: Record<string, number> = {}): Record<string, number> => Object.fromEntries(Object.entries(patterns).sort(([a], [b]) => (a < b ? -1 : 1)))
  const fields: Record<string, unknown> = {
    alpha_pattern: sorted(config.alphaPattern),
    auto_mapping: null,
    base_model_name_or_path: config.baseModelNameOrPath,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: config.init === 'gaussian' ? 'gaussian' : true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: config.alpha,
    lora_dropout: config.dropout,
    megatron_config: null,
    megatron_core: 'megatron.core',
    modules_to_save: null,
    peft_type: 'LORA',
    peft_version: PEFT_LAYOUT_VERSION,
    r: config.rank,
    rank_pattern: sorted(config.rankPattern),
    revision: null,
    target_modules: typeof config.targetModules === 'string' ? config.targetModules : [...config.targetModules].sort(),
    task_type: 'CAUSAL_LM',
    use_dora: config.useDora ?? false,
    use_rslora: config.useRslora,
  }
  return JSON.stringify(fields, null, 2)
    .replace(/("lora_dropout": \d+)(?=,)/, '$1.0')
    .replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Keys that say how an adapter was made or found, not what it computes. */
const HARMLESS_KEYS = new Set([
  'auto_mapping', 'base_model_name_or_path', 'corda_config', 'ensure_weight_tying', 'eva_config', 'exclude_modules', 'inference_mode', 'layers_pattern',
  'layers_to_transform', 'lora_ga_config', 'megatron_core', 'peft_version', 'qalora_group_size', 'revision', 'runtime_config', 'task_type',
])
const READ_KEYS = new Set([
  'alpha_pattern', 'bias', 'fan_in_fan_out', 'init_lora_weights', 'layer_replication', 'lora_alpha', 'lora_bias', 'lora_dropout', 'modules_to_save',
  'peft_type', 'r', 'rank_pattern', 'target_modules', 'trainable_token_indices', 'use_dora', 'use_rslora',
])
/** Starts that leave the base weights alone. PiSSA, OLoRA, LoftQ and their like train on a changed base, which this adapter does not carry. */
const KNOWN_STARTS: ReadonlySet<unknown> = new Set([undefined, null, true, false, 'gaussian', 'eva', 'orthogonal'])

/** Throws `adapter_invalid` naming the file, the field and what is supported. */
export function readAdapterConfig(path: string): LoraAdapterConfig {
  const fields = readJsonObject(path)
  refuseUnsupported(path, fields)
  const { r: rank, lora_alpha: alpha, lora_dropout: dropout = 0, base_model_name_or_path: base } = fields
  if (!isRank(rank)) throw invalid(path, `r is ${JSON.stringify(rank)}; it must be a whole number of 1 or more`)
  if (!isNumber(alpha)) throw invalid(path, `lora_alpha is ${JSON.stringify(alpha)}; it must be a number`)
  if (!isNumber(dropout) || dropout < 0 || dropout >= 1) throw invalid(path, `lora_dropout is ${JSON.stringify(dropout)}; it must be in [0, 1)`)
  const [rankPattern, alphaPattern] = [readPattern(path, fields, 'rank_pattern', isRank), readPattern(path, fields, 'alpha_pattern', isNumber)]
  return {
    rank, alpha, dropout,
    targetModules: readTargets(path, fields['target_modules']),
    useRslora: fields['use_rslora'] === true,
    ...(fields['use_dora'] === true ? { useDora: true } : {}),
    ...(fields['init_lora_weights'] === 'gaussian' ? { init: 'gaussian' as const } : {}),
    ...(rankPattern === undefined ? {} : { rankPattern }),
    ...(alphaPattern === undefined ? {} : { alphaPattern }),
    baseModelNameOrPath: typeof base === 'string' ? base : '',
  }
}

function refuseUnsupported(path: string, fields: Record<string, unknown>): void {
  const must = (name: string, isOk: boolean, wanted: string): void => {
    if (!isOk) throw invalid(path, `${name} is ${JSON.stringify(fields[name])}; ${wanted}`)
  }
  must('peft_type', fields['peft_type'] === 'LORA', 'only "LORA" adapters can be read')
  must('modules_to_save', isEmpty(fields['modules_to_save']), 'whole modules saved beside the adapter are not read; merge the adapter with PEFT and load the merged model')
  must('trainable_token_indices', isEmpty(fields['trainable_token_indices']), 'trained token embeddings are not read; merge the adapter with PEFT and load the merged model')
  must('layer_replication', isEmpty(fields['layer_replication']), 'a model with repeated layers is not supported')
  must('bias', isEmpty(fields['bias']) || fields['bias'] === 'none', 'trained biases are not read; it must be "none"')
  must('lora_bias', isEmpty(fields['lora_bias']), 'biases of B are not read; it must be false')
  must('fan_in_fan_out', isEmpty(fields['fan_in_fan_out']), 'layers of this family are stored [out, in], so it must be false')
  must('init_lora_weights', KNOWN_STARTS.has(fields['init_lora_weights']), 'this start changes the base weights, which the adapter does not carry; convert it to plain LoRA with PEFT (path_initial_model_for_weight_conversion)')
  for (const name of ['use_dora', 'use_rslora']) must(name, isEmpty(fields[name]) || fields[name] === true, 'it must be true or false')
  for (const name of Object.keys(fields)) {
    if (!HARMLESS_KEYS.has(name) && !READ_KEYS.has(name)) must(name, isEmpty(fields[name]), 'this feature of PEFT is not known here, and ignoring it might change the answers')
  }
}

function readTargets(path: string, target: unknown): string[] | string {
  if (typeof target === 'string') return target
  if (Array.isArray(target) && target.every((item) => typeof item === 'string')) return target
  throw invalid(path, `target_modules is ${JSON.stringify(target)}; it must be a string or a list of module names`)
}

function readPattern(path: string, fields: Record<string, unknown>, name: string, isOk: (value: unknown) => value is number): Record<string, number> | undefined {
  const value = fields[name]
  if (isEmpty(value)) return undefined
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(path, `${name} is ${JSON.stringify(value)}; it must be an object of pattern → number`)
  const patterns: Record<string, number> = {}
  for (const [pattern, number] of Object.entries(value)) {
    if (!isOk(number)) throw invalid(path, `${name}[${JSON.stringify(pattern)}] is ${JSON.stringify(number)}; it must be a ${name === 'rank_pattern' ? 'whole number of 1 or more' : 'number'}`)
    try {
      pythonRegExp(pattern)
    } catch (cause) {
      throw invalid(path, `${name} has the pattern ${JSON.stringify(pattern)}, which cannot be read as a regular expression: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
    }
    patterns[pattern] = number
  }
  return patterns
}

function readJsonObject(path: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw invalid(path, `cannot be read as JSON (${cause instanceof Error ? cause.message : String(cause)})`, cause)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw invalid(path, 'must hold a JSON object')
  return { ...parsed }
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === false || (typeof value === 'object' && Object.keys(value).length === 0)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isRank(value: unknown): value is number {
  return isNumber(value) && Number.isInteger(value) && value >= 1
}

function invalid(path: string, problem: string, cause?: unknown): EngineError {
  return new EngineError('adapter_invalid', `adapter ${path}: ${problem}`, { path }, cause)
}
