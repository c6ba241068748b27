/** What the playground asks, as the experiment file that asks it; and back. Pure. */
import type { ModelRef } from '../../../../server/contracts/models.js'
import { isFields } from '../../fields.js'
import { shorten } from '../../format.js'

/** One prompt with the settings that go with it. */
export interface Variant {
  template: string
  system: string
  shots: number
  temperature: number
  /** null: not used. */
  topP: number | null
  maxTokens: number
  scoring: 'auto' | 'generate' | 'likelihood'
}

/** What all variants have in common, so that they can be compared. */
export interface Setting {
  dataset: string
  split: string
  items: number
  seed: number
  models: ModelRef[]
}

export interface PromptSpec {
  name: string
  kind: 'prompt'
  dataset: string
  axes: Record<string, unknown[]>
  fixed: Record<string, unknown>
  seed: number
  tags: string[]
}

export const PLAYGROUND_TAG = 'playground'
export const FIRST_VARIANT: Variant = { template: '{{ input }}', system: '', shots: 0, temperature: 0, topP: null, maxTokens: 64, scoring: 'auto' }

function fixedOf({ template, system, shots, temperature, topP, maxTokens, scoring }: Variant): Record<string, unknown> {
  return {
    template,
    ...(system.trim() === '' ? {} : { system }),
    shots,
    temperature,
    ...(topP === null ? {} : { topP }),
    maxTokens,
    scoring,
  }
}

/** The experiment that tries a variant on a few items, with every model. */
export function trySpec(variant: Variant, { dataset, split, items, seed, models }: Setting): PromptSpec {
  return {
    name: shorten(variant.template, 110),
    kind: 'prompt',
    dataset,
    axes: { model: models },
    fixed: { ...fixedOf(variant), split, limit: items },
    seed,
    tags: [PLAYGROUND_TAG],
  }
}

/**
 * The experiment that compares the variants on the whole split. Parameters in which they differ cannot vary
 * together on axes, so a variant other than the first is an experiment of its own where more than the template differs.
 */
export function wholeSpecs(variants: readonly Variant[], setting: Setting): PromptSpec[] {
  const [first] = variants
  if (first === undefined) return []
  const rest = (variant: Variant): string => JSON.stringify({ ...variant, template: '' })
  const templates = [...new Set(variants.map(({ template }) => template))]
  const isOneSweep = templates.length === variants.length && variants.every((variant) => rest(variant) === rest(first))
  const sweep = (variant: Variant, axes: Record<string, unknown[]>): PromptSpec => {
    const { template, ...fixed } = fixedOf(variant)
    return { name: shorten(`Prompt: ${variant.template}`, 110), kind: 'prompt', dataset: setting.dataset, axes: { ...axes, model: setting.models }, fixed: { ...('template' in axes ? {} : { template }), ...fixed, split: setting.split }, seed: setting.seed, tags: [] }
  }
  return isOneSweep && variants.length > 1 ? [sweep(first, { template: templates })] : variants.map((variant) => sweep(variant, {}))
}

const numberOr = <T>(value: unknown, other: T): number | T => (typeof value === 'number' ? value : other)
const textOr = (value: unknown, other: string): string => (typeof value === 'string' ? value : other)

/** A variant from the parameters of a run or the fixed ones of an experiment file; what they leave out is as the product has it. */
export function variantOf(params: unknown): Variant {
  const given = isFields(params) ? params : {}
  const scoring = (['generate', 'likelihood'] as const).find((name) => name === given['scoring']) ?? 'auto'
  return {
    template: textOr(given['template'], FIRST_VARIANT.template),
    system: textOr(given['system'], ''),
    shots: numberOr(given['shots'], 0),
    temperature: numberOr(given['temperature'], 0),
    topP: numberOr(given['topP'], null),
    maxTokens: numberOr(given['maxTokens'], FIRST_VARIANT.maxTokens),
    scoring,
  }
}

/** A try as it was asked; null for what is no such experiment. */
export function tryOf(spec: unknown): { variant: Variant; setting: Setting } | null {
  if (!isFields(spec) || spec['kind'] !== 'prompt' || !isFields(spec['fixed'])) return null
  const { fixed, axes, model } = spec
  const models = isFields(axes) && Array.isArray(axes['model']) ? (axes['model'] as ModelRef[]) : [(model ?? 'nano-pt-en') as ModelRef]
  return {
    variant: variantOf(fixed),
    setting: { dataset: textOr(spec['dataset'], ''), split: textOr(fixed['split'], 'test'), items: numberOr(fixed['limit'], 5), seed: numberOr(spec['seed'], 1), models },
  }
}

export const modelName = (model: ModelRef): string => (typeof model === 'string' ? model : 'label' in model && model.label !== undefined ? model.label : model.model)
