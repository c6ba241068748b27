import { describe, expect, it } from 'vitest'
import { parseExperiment } from '../../../../experiments/spec.js'
import { FIRST_VARIANT, trySpec, tryOf, variantOf, wholeSpecs, type Setting, type Variant } from './spec.js'

const setting: Setting = { dataset: 'spam', split: 'test', items: 5, seed: 7, models: ['nano-pt-en', { provider: 'openai', baseUrl: 'http://127.0.0.1:1/v1', api: 'chat', model: 'm' }] }
const variant: Variant = { ...FIRST_VARIANT, template: '{{ input }}\nLabel:', system: 'Be short.', shots: 2, temperature: 0.7, topP: 0.9, maxTokens: 8, scoring: 'generate' }
const accepted = (spec: unknown) => parseExperiment(JSON.stringify(spec), { format: 'json', datasets: ['spam'] })

describe('what the playground asks', () => {
  it('is an experiment that the product takes, and is read back as it was asked', () => {
    const spec = trySpec(variant, setting)
    expect(accepted(spec)).toMatchObject({ tags: ['playground'], fixed: { limit: 5, shots: 2 } })
    expect(tryOf(spec)).toEqual({ variant, setting })
    expect(tryOf({ kind: 'rag', fixed: {} })).toBeNull()
  })

  it('leaves out what is not used', () => {
    expect(Object.keys(trySpec(FIRST_VARIANT, setting).fixed)).not.toContain('topP')
    expect(variantOf({ template: 'x', temperature: 'hot', chain: [] })).toEqual({ ...FIRST_VARIANT, template: 'x' })
  })

  it('becomes one sweep where only the wording differs, else an experiment for each', () => {
    const [sweep, ...none] = wholeSpecs([variant, { ...variant, template: 'Spam? {{ input }}' }], setting)
    expect(none).toEqual([])
    expect(accepted(sweep)).toMatchObject({ axes: { template: ['{{ input }}\nLabel:', 'Spam? {{ input }}'] } })
    const apart = wholeSpecs([variant, { ...variant, shots: 4 }], setting)
    expect(apart.map((spec) => (accepted(spec).fixed as { shots?: number }).shots)).toEqual([2, 4])
    expect(apart.every((spec) => !('limit' in spec.fixed))).toBe(true)
  })
})
