import { describe, expect, it } from 'vitest'
import { ExperimentSpecSchema } from '../server/contracts/index.js'
import { axisLength, axisValues, rangeProblem } from './axes.js'
import { expandRuns, repeatSeed } from './expand.js'

const spec = (fields: Record<string, unknown>) => ExperimentSpecSchema.parse({ name: 'sweep', kind: 'lora', dataset: 'd', ...fields })

describe('axisValues', () => {
  it('counts without the dust of binary fractions', () => {
    expect(axisValues({ from: 0.1, to: 0.7, step: 0.1 })).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    expect(axisValues({ from: 1, to: 64, count: 7, scale: 'log' })).toEqual([1, 2, 4, 8, 16, 32, 64])
    expect(axisValues({ from: 1e-4, to: 1e-2, count: 3, scale: 'log' })).toEqual([0.0001, 0.001, 0.01])
    expect(axisValues({ from: 0, to: 1, count: 5 })).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect(axisValues(['a', null])).toEqual(['a', null])
  })

  it('knows its length without making the values', () => {
    expect(axisLength({ from: 0, to: 1, step: 1e-9 })).toBe(1_000_000_001)
  })

  it('says what is wrong with a range', () => {
    expect(rangeProblem({ from: 1, to: 10, step: 4 })).toBe('step 4 does not lead from 1 to 10: end at 9 or 13, or give count instead')
    expect(rangeProblem({ from: 1, to: 10 })).toBe('a range needs either step or count')
    expect(rangeProblem({ from: 0, to: 10, count: 3, scale: 'log' })).toBe('a log scale needs from above 0, got 0')
    expect(rangeProblem({ from: 10, to: 1, step: 1 })).toBe('to must be above from, got from 10 to 1')
    expect(rangeProblem({ from: 0, to: 0.3, step: 0.1 })).toBeUndefined()
  })
})

describe('expandRuns', () => {
  it('orders cells with the first axis slowest and completes the parameters', () => {
    const runs = expandRuns(spec({ axes: { rank: [4, 8], learningRate: [0.001, 0.002] }, fixed: { epochs: 1 } }))
    expect(runs.map(({ name }) => name)).toEqual(['rank=4, learningRate=0.001', 'rank=4, learningRate=0.002', 'rank=8, learningRate=0.001', 'rank=8, learningRate=0.002'])
    expect(runs[1]).toMatchObject({ cell: 1, repeat: 0, seed: 42, varied: { rank: 4, learningRate: 0.002 }, params: { rank: 4, learningRate: 0.002, epochs: 1, model: 'nano-pt-en', schedule: 'cosine', batchSize: 16 } })
  })

  it('gives all cells the same seeds, one per repeat', () => {
    const runs = expandRuns(spec({ axes: { rank: [4, 8] }, repeats: 3, seed: 7 }))
    expect(runs.map(({ seed }) => seed)).toEqual([7, repeatSeed(7, 1), repeatSeed(7, 2), 7, repeatSeed(7, 1), repeatSeed(7, 2)])
    expect(new Set(runs.map(({ seed }) => seed)).size).toBe(3)
    expect(runs[4]).toMatchObject({ cell: 1, repeat: 1, name: 'rank=8 (repeat 2)' })
    for (let repeat = 0; repeat < 100; repeat++) expect(repeatSeed(2 ** 31 - 1, repeat)).toBeGreaterThanOrEqual(0)
  })

  it('names long texts by their place, models by their name, and equals apart', () => {
    const endpoint = (baseUrl: string) => ({ provider: 'openai', baseUrl, model: 'qwen' })
    const runs = expandRuns(
      ExperimentSpecSchema.parse({
        name: 'p',
        kind: 'prompt',
        dataset: 'd',
        axes: { template: ['{{ input }} A', '{{ input }} B'], model: ['nano-pt-en', endpoint('http://a/v1'), endpoint('http://b/v1')], shots: [0] },
      }),
    )
    expect(runs.map(({ name }) => name)).toEqual([
      'template #1, model=nano-pt-en, shots=0',
      'template #1, model=qwen #2, shots=0',
      'template #1, model=qwen #3, shots=0',
      'template #2, model=nano-pt-en, shots=0',
      'template #2, model=qwen #2, shots=0',
      'template #2, model=qwen #3, shots=0',
    ])
  })

  it('is one run without axes, and survives being stored', () => {
    const plain = spec({ model: 'nano-pt-en' })
    expect(expandRuns(plain)).toHaveLength(1)
    expect(expandRuns(plain)[0]?.name).toBe('sweep')
    const varied = spec({ axes: { rank: { from: 1, to: 4, step: 1 } }, fixed: { epochs: 2 } })
    expect(expandRuns(ExperimentSpecSchema.parse(JSON.parse(JSON.stringify(varied))))).toEqual(expandRuns(varied))
  })
})
