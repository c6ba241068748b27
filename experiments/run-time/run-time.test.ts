import { describe, expect, it } from 'vitest'
import { ExperimentSpecSchema, type Estimate, type ParameterValue, type PastRun } from '../../server/contracts/index.js'
import { estimate } from '../estimate.js'
import { expandRuns } from '../expand.js'
import type { Machine } from './past-run.js'

const sizes = { train: 800, validation: 100, test: 200 }
const model = { hiddenSize: 256, intermediateSize: 640, layers: 6, heads: 8, kvHeads: 4, headDim: 32, vocabSize: 4096, tieEmbeddings: true, storedBytes: 2 }
const models = new Map([['small', model], ['large', { ...model, layers: 24 }]])
const here: Machine = { workers: 1, hosts: new Set(['here']), threads: 2, gflops: null }

const lora = (fixed: object = {}, more: object = {}) => ExperimentSpecSchema.parse({ name: 'a', kind: 'lora', dataset: 'd', model: 'small', fixed: { steps: 100, batchSize: 4, maxLength: 128, evalEvery: 50, ...fixed }, ...more })
const paramsOf = (spec: ReturnType<typeof lora>): Record<string, ParameterValue> => expandRuns(spec)[0]?.params ?? {}

/** A run of 100 steps of half a second, and 20 s around them. */
function trained(fixed: object = {}, more: Partial<PastRun> = {}): PastRun {
  return { kind: 'lora', params: paramsOf(lora(fixed)), dataset: 'd', host: 'here', threads: 2, seconds: 70, answered: 200, latencySeconds: 0.01, training: { steps: 100, secondsPerStep: 0.5, isWhole: true }, ...more }
}

const timed = (spec: ReturnType<typeof lora>, pastRuns: PastRun[], machine: Partial<Machine> = {}, more: object = {}): Estimate =>
  estimate(spec, { datasetSizes: sizes, models, evidence: { pastRuns, machineOf: () => ({ ...here, ...machine }) }, ...more })
const secondsOf = ({ cells }: Estimate): number => cells[0]?.time?.seconds ?? NaN

describe('the time of training', () => {
  it('is that of an equal run, with a range around it', () => {
    const { time, cells, notes, timeUnknown } = timed(lora(), [trained()])
    expect(cells[0]?.time).toMatchObject({ seconds: 70, step: { seconds: 0.5 }, basis: 'same', pastRuns: 1 })
    expect([timeUnknown, time?.workers, (time?.low ?? NaN) < 70, (time?.high ?? NaN) > 70]).toEqual([null, 1, true, true])
    expect(notes[0]).toBe('time: from 1 past run like these on this machine; on the one worker that is there. A range, for what else the machine does is not known')
  })

  it('grows with the steps, the operations of one, and what is evaluated', () => {
    expect(secondsOf(timed(lora({ steps: 200, evalEvery: 100 }), [trained()]))).toBeCloseTo(120, 6)
    const longer = timed(lora({ maxLength: 256 }), [trained()])
    expect(longer.cells[0]?.time?.basis).toBe('model')
    const growth = (longer.flops ?? NaN) / (timed(lora(), []).flops ?? NaN)
    expect(longer.cells[0]?.time?.step?.seconds).toBeCloseTo(0.5 * growth, 6)
    expect(secondsOf(timed(lora({ evalEvery: 5 }), [trained()]))).toBeGreaterThan(90)
  })

  it('takes the nearest evidence: equal runs before others of the model, those before other models, then the measured speed, then other machines', () => {
    const other = trained({}, { params: { ...paramsOf(lora()), model: 'large' }, training: { steps: 100, secondsPerStep: 1.5, isWhole: true } })
    const far = trained({}, { host: 'there' })
    const basisOf = (pastRuns: PastRun[], machine: Partial<Machine> = { gflops: 100 }) => timed(lora(), pastRuns, machine).cells[0]?.time?.basis ?? null
    const shape = trained({ maxLength: 64 })
    expect(basisOf([far, other, shape, trained()])).toBe('same')
    expect(basisOf([far, other, shape])).toBe('model')
    expect(basisOf([far, other])).toBe('device')
    expect(basisOf([far])).toBe('throughput')
    expect(basisOf([far], {})).toBe('elsewhere')
    expect(basisOf([], {})).toBeNull()
  })

  it('rests on another device’s runs in no way, and on those with other threads by the work of one', () => {
    const wasm = trained({ device: 'tfjs-wasm' })
    expect(timed(lora(), [wasm]).time).toBeNull()
    expect(timed(lora(), [trained({}, { threads: 1 })]).cells[0]?.time?.step?.seconds).toBeCloseTo(0.25, 9)
  })

  it('follows the measured speed within what steps were seen to reach of it', () => {
    const { cells, flops } = timed(lora(), [], { gflops: 100 })
    const ideal = (flops ?? NaN) / 100 / 1e11
    expect(cells[0]?.time).toMatchObject({ basis: 'throughput', pastRuns: 0, step: { seconds: expect.closeTo(2 * ideal, 9) } })
    expect(cells[0]?.time?.step?.low).toBeLessThan(1.2 * ideal)
    expect(cells[0]?.time?.step?.high).toBeGreaterThan(4 * ideal)
  })

  it('counts the rows that packing leaves as an equal run had them, else by how long examples are', () => {
    const epochs = { steps: undefined, epochs: 2, packing: true }
    const like = trained({ ...epochs, epochs: 1 }, { training: { steps: 30, secondsPerStep: 0.5, isWhole: true }, seconds: 35 })
    // 60 steps, and 20 s of what surrounded 2 evaluations and a test that are now 3 and a test: an eighth more at most.
    expect(secondsOf(timed(lora(epochs), [like]))).toBeCloseTo(30 + 22.5, 6)
    // 64 tokens an example in rows of 128: half of 400 steps.
    const { seconds, step } = timed(lora(epochs), [trained()], {}, { itemCharacters: 256 }).cells[0]?.time ?? {}
    expect((seconds ?? NaN) / (step?.seconds ?? NaN)).toBeLessThan(300)
  })

  it('of a sweep is its sum on one worker, shared by several, and never less than its longest run', () => {
    const sweep = lora({}, { axes: { rank: [8, 8, 8, 8].map((rank, index) => rank + index) } })
    const alone = timed(sweep, [trained()]).time?.seconds ?? NaN
    expect(alone).toBeGreaterThan(4 * 65)
    expect(timed(sweep, [trained()], { workers: 2 }).time?.seconds).toBeCloseTo(alone / 2, 6)
    expect(timed(sweep, [trained()], { workers: 100 }).time?.seconds).toBeGreaterThanOrEqual(alone / 4)
  })

  it('ends with its budget, and a price per hour gets a cost', () => {
    expect(timed(lora({}, { budget: { minutes: 1 } }), [trained()]).time).toMatchObject({ seconds: 60, high: 60 })
    expect(timed(lora({ price: { perHour: 3.6 } }), [trained()]).costUsd).toBeCloseTo(0.07, 9)
  })

  it('is unknown for a model that is not here, and says so', () => {
    const { time, timeUnknown, notes } = timed(ExperimentSpecSchema.parse({ name: 'a', kind: 'lora', dataset: 'd', model: 'absent' }), [trained()])
    expect([time, timeUnknown, notes[0]]).toEqual([null, 'unknown_model', 'time: not known: the model, or what it trains on, is not known here'])
  })
})

describe('the time of answering', () => {
  const endpoint = { provider: 'openai', baseUrl: 'http://h/v1', model: 'm' }
  const prompt = (asked: unknown, fixed: object = {}) => ExperimentSpecSchema.parse({ name: 'a', kind: 'prompt', dataset: 'd', model: asked, fixed })
  const answered = (asked: unknown, more: Partial<PastRun> = {}): PastRun => ({ ...trained(), kind: 'prompt', params: paramsOf(prompt(asked)), seconds: 55, latencySeconds: 1, training: null, ...more })

  it('of an endpoint is that of its calls, so many at a time as are asked for', () => {
    const one = timed(prompt(endpoint), [answered(endpoint)]).cells[0]?.time
    expect(one).toMatchObject({ seconds: 52.5, step: null, basis: 'same', pastRuns: 1 })
    expect(timed(prompt(endpoint, { concurrency: 8 }), [answered(endpoint)]).cells[0]?.time?.seconds).toBeCloseTo(52.5 / 2, 6)
    expect(timed(prompt(endpoint, { limit: 100, shots: 3 }), [answered(endpoint)]).cells[0]?.time).toMatchObject({ seconds: 26.25, basis: 'model' })
  })

  it('rests on runs of the same address and model alone, whatever their price is now', () => {
    const priced = { ...endpoint, price: { inputPerMillion: 1, outputPerMillion: 1 } }
    expect(timed(prompt(priced), [answered(endpoint)]).time).not.toBeNull()
    for (const other of [{ ...endpoint, model: 'n' }, { ...endpoint, baseUrl: 'http://other/v1' }, 'small']) {
      expect(timed(prompt(other), [answered(endpoint)])).toMatchObject({ time: null, timeUnknown: 'no_past_runs' })
    }
  })

  it('learns nothing from a run that found all its replies stored', () => {
    expect(timed(prompt(endpoint), [answered(endpoint, { answered: 0, latencySeconds: null, seconds: 1 })]).time).toBeNull()
  })

  it('of a local model is that of earlier runs, in proportion to the items and the threads', () => {
    expect(secondsOf(timed(prompt('small'), [answered('small')]))).toBeCloseTo(55, 9)
    expect(secondsOf(timed(prompt('small'), [answered('small', { threads: 1 })]))).toBeCloseTo(27.5, 9)
    const { low, high } = timed(prompt('small', { limit: 20 }), [answered('small')]).cells[0]?.time ?? {}
    expect([(low ?? NaN) < 5.5, high]).toEqual([true, expect.closeTo(55 * 1.4, 6)])
  })

  it('of retrieval is that of runs that search the same way', () => {
    const rag = (fixed: object = {}) => ExperimentSpecSchema.parse({ name: 'a', kind: 'rag', dataset: 'd', fixed })
    const past = { ...trained(), kind: 'rag' as const, params: paramsOf(rag()), seconds: 10, training: null }
    expect(timed(rag(), [past]).cells[0]?.time).toMatchObject({ seconds: 10, basis: 'same' })
    expect(timed(rag({ chunkSize: 200 }), [past]).cells[0]?.time).toMatchObject({ basis: 'model' })
    expect(timed(rag({ retriever: 'hybrid' }), [past]).time).toBeNull()
  })

  it('of many runs against an endpoint is shortened by those that go side by side', () => {
    const sweep = ExperimentSpecSchema.parse({ name: 'a', kind: 'prompt', dataset: 'd', model: endpoint, axes: { shots: [0, 1, 2, 3] } })
    expect(timed(sweep, [answered(endpoint)]).time).toMatchObject({ seconds: 105, workers: 1 })
  })
})
