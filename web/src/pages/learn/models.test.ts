import { describe, expect, it } from 'vitest'
import { parameterCounts } from '../../../../experiments/model-facts.js'
import { KNOWN_MODELS } from './models.js'

describe('the models to estimate with', () => {
  it('have as many parameters as their cards say', () => {
    const billions = Object.fromEntries(KNOWN_MODELS.map(({ id, facts }) => [id, Number((parameterCounts(facts).all / 1e9).toFixed(2))]))
    // Qwen2.5’s biases are not counted.
    expect(billions).toEqual({ 'smollm2-135m': 0.13, 'qwen2.5-0.5b': 0.49, 'llama-3.2-1b': 1.24, 'mistral-7b': 7.24, 'llama-3.1-8b': 8.03, 'llama-3.1-70b': 70.55 })
  })
})
