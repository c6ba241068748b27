/*
 * A task of lm-evaluation-harness as a dataset whose items hold their prompts, and an experiment that asks them in
 * the harness's way. Tasks that need Python are refused by file, line and key.
 */
import { basename } from 'node:path'
import { stringify } from 'yaml'
import { AppError } from '../../../server/contracts/index.js'
import { Findings, type LeftOut } from '../findings.js'
import { slug } from '../slug.js'
import { readRows, type RowSource } from './rows.js'
import type { Doc, FieldSource } from './fields.js'
import { itemOf, type TaskItem, wholeText, type Wording } from './items.js'
import { metricsOf, OUTPUT_TYPES, type OutputType } from './metrics.js'
import { PythonCode, type Setting, type TaskFile } from './task-file.js'

export interface ConvertTaskOptions {
  /** A folder with a file for each split. */
  data?: string
  name?: string
  model?: string
  /** The first rows only, as the harness's --limit. */
  limit?: number
  /** In place of the task's own num_fewshot. */
  shots?: number
  skipUnsupported: boolean
  /** The rows are what the task's process_docs has made of them. */
  processed?: boolean
}

export interface ConvertedTask {
  dataset: string
  items: number
  shots: number
  leftOut: LeftOut[]
  notes: string[]
  experiments: string[]
  files: { path: string; text: string }[]
}

/** Read, or without a meaning for what is asked and scored. */
const KNOWN = new Set([
  ...['task', 'task_alias', 'tag', 'group', 'metadata', 'dataset_path', 'dataset_name', 'dataset_kwargs', 'training_split', 'validation_split', 'test_split', 'fewshot_split'],
  ...['doc_to_text', 'doc_to_target', 'doc_to_choice', 'description', 'target_delimiter', 'fewshot_delimiter', 'gen_prefix', 'num_fewshot', 'fewshot_config', 'metric_list'],
  ...['output_type', 'generation_kwargs', 'repeats', 'filter_list', 'should_decontaminate', 'doc_to_decontamination_query'],
])
const SHOTS_KNOWN = new Set(['sampler', 'split', 'samples', 'doc_to_text', 'doc_to_target', 'doc_to_choice', 'gen_prefix', 'fewshot_delimiter', 'target_delimiter'])
/** What the harness seeds its examples with. */
const FEWSHOT_SEED = 1234
const MAX_TOKENS = 256

/** @throws {AppError} naming every key that has no counterpart, or the row that does not fit */
export function convertLmEvalTask(file: TaskFile, options: ConvertTaskOptions): ConvertedTask {
  const findings = new Findings()
  const type = outputTypeOf(file, findings)
  const shots = type === 'loglikelihood_rolling' ? 0 : shotsOf(file, options)
  assertKnown(options.processed === true ? withoutProcessing(file, findings) : file, type, findings)
  const fewshot = fewshotOf(file, findings)
  const { metrics, scorers } = metricsOf(file, type, findings)
  const decoding = { ...decodingOf(file, findings), ...samplesOf(file, scorers, findings) }
  if (metrics.length === 0) findings.refuse(file.get('metric_list'), 'none of its metrics is known here', 'see docs/interchange.md for those that are')
  findings.assertRunnable(options)

  const wording = wordingOf(file)
  const asked = askedSplit(file)
  const rows = readRows({ file, ...(options.data === undefined ? {} : { data: options.data }) }, asked).slice(0, options.limit)
  const description = fieldOf(file.get('description'))
  const items = itemsOf(rows, { split: asked, wording, type, description: description === '' || type === 'loglikelihood_rolling' ? undefined : description })
  const areContexts = items.some((item) => item.areContexts === true)
  if (areContexts && metrics.includes('acc_mutual_info')) throw new AppError('invalid_request', `Nothing was imported: ${file.path}: acc_mutual_info asks how likely the choices are by themselves, and these are contexts; take it out of metric_list.`)
  const poolName = shots === 0 ? undefined : poolSplit(file, fewshot)
  const isOwnPool = poolName === asked
  const isUnnamed = poolName !== 'samples' && file.text('test_split') === '' && fewshot.split === undefined && file.text('fewshot_split') === ''
  const pool = poolName === undefined ? [] : itemsOf(poolRows({ file, ...options }, poolName, fewshot), { split: `fewshot-${poolName}`, wording: { ...wording, ...fewshot.wording }, type, description: undefined })
  const name = slug(options.name ?? file.text('task'), '-') || 'task'
  const splits = { test: 'test.jsonl', ...(pool.length === 0 || isOwnPool ? {} : { fewshot: 'fewshot.jsonl' }) }
  const title = options.name ?? file.text('task', name)
  const spec = {
    name: title,
    kind: 'prompt',
    dataset: name,
    fixed: {
      ...(options.model === undefined ? {} : { model: options.model }),
      template: `${items.some((item) => item.description !== undefined) ? '{{ description }}' : ''}{% for shot in shots %}{{ shot.shown }}{% endfor %}{{ input }}`,
      ...(shots === 0 ? {} : { shots, shotSplit: isOwnPool ? 'test' : 'fewshot', ...samplerOf(fewshot, { pool, shots, isOwnPool, isUnnamed, items }) }),
      ...(type === 'generate_until' ? { ...decoding, scorers } : LIKELIHOODS[type]),
      ...(areContexts ? { choicesAre: 'contexts' } : {}),
      ...(type === 'multiple_choice' ? { answerDelimiter: wording.targetDelimiter } : {}),
      chat: 'never',
    },
    metrics,
    seed: FEWSHOT_SEED,
    tags: ['lm-eval', ...(typeof file.get('group').value === 'string' ? [file.text('group').slice(0, 60)] : [])],
    notes: [`From the lm-evaluation-harness task ${file.text('task')}, file ${basename(file.path)}.`, ...findings.leftOut.map((left) => `- left out: ${left.file}:${left.line ?? 1} ${left.key}: ${left.what}`)].join('\n'),
  }
  const manifest = { name, title, task: 'generation', language: 'und', licence: 'that of the task’s data', source: file.text('dataset_path', basename(file.path)), splits, description: `Rows of the lm-evaluation-harness task ${file.text('task')}, with their prompts.` }
  return {
    dataset: name,
    items: items.length,
    shots,
    leftOut: findings.leftOut,
    notes: [...findings.notes],
    experiments: [`experiments/${name}.yaml`],
    files: [
      { path: `datasets/${name}/dataset.yaml`, text: stringify(manifest) },
      { path: `datasets/${name}/test.jsonl`, text: jsonLines(items) },
      ...(splits.fewshot === undefined ? [] : [{ path: `datasets/${name}/fewshot.jsonl`, text: jsonLines(pool) }]),
      { path: `experiments/${name}.yaml`, text: `# From the lm-evaluation-harness task ${file.text('task')}.\n${stringify(spec, { lineWidth: 0 })}` },
    ],
  }
}

/** What of an experiment says that likelihoods are asked for. */
const LIKELIHOODS: Readonly<Record<Exclude<OutputType, 'generate_until'>, Record<string, unknown>>> = {
  multiple_choice: { choices: 'choices' },
  loglikelihood: { scoring: 'target', answerDelimiter: '' },
  loglikelihood_rolling: { scoring: 'rolling' },
}

function outputTypeOf(file: TaskFile, findings: Findings): OutputType {
  const setting = file.get('output_type')
  if (setting.value === undefined) return 'generate_until'
  const known = OUTPUT_TYPES.find((type) => type === setting.value)
  if (known === undefined) findings.refuse(setting, `output_type ${JSON.stringify(setting.value)} is not known here`, `known are ${OUTPUT_TYPES.join(', ')}`)
  return known ?? 'generate_until'
}

interface Fewshot {
  sampler: 'default' | 'first_n'
  split: string | undefined
  samples: Doc[] | undefined
  wording: Partial<Wording>
}

/** What Python does to the rows before anything of them is asked. */
const PROCESSING = new Set(['process_docs', 'custom_dataset'])

function withoutProcessing(file: TaskFile, findings: Findings): TaskFile {
  const done = file.all.filter(({ key }) => PROCESSING.has(key))
  for (const { value } of done) findings.note(`The rows are taken to be what ${codeIn(value) ?? String(value)} makes of them.`)
  return file.with(done.map((setting) => ({ ...setting, value: undefined })))
}

function assertKnown(file: TaskFile, type: OutputType, findings: Findings): void {
  for (const setting of file.all) {
    const { key, value } = setting
    const code = codeIn(value)
    if (code !== undefined) findings.refuse(setting, `it is Python (${code}), which is not run here`, PROCESSING.has(key) ? 'let Python make the rows over, write them to DIR and add --data DIR --processed' : 'write the value as Jinja or as a field’s name, or run the task with the harness and import its results: bancada import DIR')
    else if (!KNOWN.has(key)) findings.refuse(setting, `the key is not known here, and reads ${JSON.stringify(value)?.slice(0, 80)}`, 'take it out if the task can do without it')
  }
  for (const key of [...(type === 'loglikelihood_rolling' ? [] : ['doc_to_text']), 'doc_to_target', ...(type === 'multiple_choice' ? ['doc_to_choice'] : [])]) {
    if (file.get(key).value === undefined) findings.refuse(file.get(key), 'it is missing', 'a task says what it asks, what is right, and what the choices are')
  }
}

function codeIn(value: unknown): string | undefined {
  if (value instanceof PythonCode) return value.name
  if (typeof value !== 'object' || value === null) return undefined
  return Object.values(value).map(codeIn).find((code) => code !== undefined)
}

function shotsOf(file: TaskFile, { shots }: ConvertTaskOptions): number {
  const own = file.get('num_fewshot').value
  // A task that sets 0 shows none, whatever is asked for: its prompt would not be the same task.
  if (own === 0) return 0
  return shots ?? (typeof own === 'number' ? own : 0)
}

function fewshotOf(file: TaskFile, findings: Findings): Fewshot {
  const setting = file.get('fewshot_config')
  const given = (typeof setting.value === 'object' && setting.value !== null ? setting.value : {}) as Record<string, unknown>
  const sampler = given['sampler'] ?? 'default'
  for (const key of Object.keys(given)) {
    if (!SHOTS_KNOWN.has(key)) findings.refuse({ ...setting, key: `fewshot_config.${key}` }, 'it is not known here', `known are ${[...SHOTS_KNOWN].join(', ')}`)
  }
  if (sampler !== 'default' && sampler !== 'first_n') findings.refuse({ ...setting, key: 'fewshot_config.sampler' }, `the sampler ${JSON.stringify(sampler)} is not known here`, 'known are default and first_n')
  const { samples } = given
  const field = (key: string): FieldSource | undefined => fieldOf({ ...setting, value: given[key] })
  const [text, target, choice, prefix] = [field('doc_to_text'), field('doc_to_target'), field('doc_to_choice'), field('gen_prefix')]
  const wording: Partial<Wording> = {
    ...(text === undefined ? {} : { text }),
    ...(target === undefined ? {} : { target }),
    ...(choice === undefined ? {} : { choice }),
    ...(prefix === undefined ? {} : { prefix }),
    ...(typeof given['target_delimiter'] === 'string' ? { targetDelimiter: given['target_delimiter'] } : {}),
    ...(typeof given['fewshot_delimiter'] === 'string' ? { fewshotDelimiter: given['fewshot_delimiter'] } : {}),
  }
  return { sampler: sampler === 'first_n' ? 'first_n' : 'default', split: typeof given['split'] === 'string' ? given['split'] : undefined, samples: Array.isArray(samples) ? (samples as Doc[]) : undefined, wording }
}

function wordingOf(file: TaskFile): Wording {
  return {
    text: fieldOf(file.get('doc_to_text')) ?? '',
    target: fieldOf(file.get('doc_to_target')) ?? '',
    choice: fieldOf(file.get('doc_to_choice')),
    prefix: fieldOf(file.get('gen_prefix')),
    targetDelimiter: file.text('target_delimiter', ' '),
    fewshotDelimiter: file.text('fewshot_delimiter', '\n\n'),
  }
}

function fieldOf({ value }: Setting): FieldSource | undefined {
  return value === undefined || value === null ? undefined : (value as FieldSource)
}

function askedSplit(file: TaskFile): string {
  const split = file.text('test_split') || file.text('validation_split')
  if (split !== '') return split
  throw new AppError('invalid_request', `Nothing was imported: ${file.path} names neither test_split nor validation_split, so there is nothing to ask.`)
}

/** Where examples are drawn from; without fewshot_split the harness takes training, then validation, then test. */
function poolSplit(file: TaskFile, { split, samples }: Fewshot): string {
  if (samples !== undefined && split === undefined && file.text('fewshot_split') === '') return 'samples'
  return split ?? (file.text('fewshot_split') || file.text('training_split') || file.text('validation_split') || file.text('test_split'))
}

function poolRows(source: RowSource, name: string, { samples }: Fewshot): Doc[] {
  return name === 'samples' && samples !== undefined ? samples : readRows(source, name)
}

function itemsOf(rows: readonly Doc[], { split, wording, type, description }: { split: string; wording: Wording; type: OutputType; description: FieldSource | undefined }): TaskItem[] {
  const items = rows.map((row, index) => {
    try {
      const id = `${split}-${index}`
      return type === 'loglikelihood_rolling' ? wholeText(row, id, wording) : itemOf(row, id, wording, description)
    } catch (cause) {
      throw new AppError('invalid_request', `Nothing was imported: row ${index + 1} of split ${split}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  })
  const other = items.findIndex(({ areContexts }) => areContexts !== items[0]?.areContexts)
  if (other >= 0) throw new AppError('invalid_request', `Nothing was imported: doc_to_text gives a place among the choices in some rows of split ${split} and a text in others, such as row ${other + 1}; it is one or the other.`)
  return items
}

/** first_n always shows the same ones; the other draws anew for each item, by one generator for all. */
function samplerOf({ sampler }: Fewshot, { pool, shots, isOwnPool, isUnnamed, items }: { pool: readonly TaskItem[]; shots: number; isOwnPool: boolean; isUnnamed: boolean; items: readonly TaskItem[] }): Record<string, unknown> {
  // Where neither the test split nor the examples' has a name the harness takes them for the same one.
  if (sampler === 'default') return { sampler: isUnnamed ? 'lm-eval-spare' : 'lm-eval' }
  // One more where an item may be among them: it is not shown to itself.
  const order = (isOwnPool ? items : pool).slice(0, shots + (isOwnPool ? 1 : 0))
  return { sampler: 'fixed', shotIds: order.map(({ id }) => id) }
}

function decodingOf(file: TaskFile, findings: Findings): Record<string, unknown> {
  const setting = file.get('generation_kwargs')
  const given = { ...(typeof setting.value === 'object' ? setting.value : {}) } as Record<string, unknown>
  const { until, max_gen_toks: most, max_new_tokens: alsoMost, max_tokens: alike, do_sample: samples, temperature, top_p: topP, top_k: topK, num_beams: beams = 1, ...others } = given
  const unknown = { ...others, ...(beams === 1 ? {} : { num_beams: beams }) }
  for (const key of Object.keys(unknown)) findings.leaveOut({ ...setting, key: `generation_kwargs.${key}` }, 'it is not known here', 'take it out')
  const stops = until === undefined ? [file.text('fewshot_delimiter', '\n\n')] : (Array.isArray(until) ? until : [until]).map(String)
  return {
    maxTokens: most ?? alsoMost ?? alike ?? MAX_TOKENS,
    stop: stops.filter((stop) => stop !== ''),
    temperature: samples === false ? 0 : (temperature ?? 0),
    ...(topP === undefined || topP === null || samples !== true ? {} : { topP }),
    ...(topK === undefined || topK === null || samples !== true ? {} : { topK }),
  }
}

/** Further answers are asked for only where a filter reads them. */
function samplesOf(file: TaskFile, scorers: Record<string, unknown>, findings: Findings): { samples?: number } {
  const repeats = file.get('repeats')
  const { value = 1 } = repeats
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
    findings.refuse(repeats, `repeats is ${JSON.stringify(value)}`, 'give a whole number of 1 or more')
    return {}
  }
  const isRead = Object.values(scorers).some((scorer) => readsAll((scorer as { steps?: { function: string }[] }).steps ?? []))
  if (value > 1 && !isRead) findings.note(`repeats is ${value}, and every filter takes the first answer alone; one is asked for.`)
  return value > 1 && isRead ? { samples: value } : {}
}

/** Whether something else than the first answer can matter. */
function readsAll(steps: readonly { function: string }[]): boolean {
  const chooses = (name: string): boolean => ['take_first', 'take_first_k', 'majority_vote'].includes(name)
  return steps.length > 0 && steps.find(({ function: name }) => chooses(name))?.function !== 'take_first'
}

function jsonLines(items: readonly TaskItem[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join('')
}
