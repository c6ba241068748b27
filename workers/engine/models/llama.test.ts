import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeBatch, singleRows, packRows, type Batch } from '../batches.js'
import type { LlamaConfig, TrainerOptions } from '../engine.js'
import { compile, floats, type Data } from '../executors/executor.js'
import { writeSafetensors } from '../formats/safetensors.js'
import { readFrozen } from '../frozen-weights.js'
import { loraNames } from '../lora.js'
import { openParameters, type Parameters } from '../parameters.js'
import { Random } from '../random.js'
import { evaluateGraph, gradientName, trainGraph } from '../step-graph.js'
import { inverseFrequencies } from './rope.js'
import { tinyConfig, tinyExamples, tinyOptions } from './tiny-llama.js'

const folder = mkdtempSync(join(tmpdir(), 'llama-'))
const cpu = { device: 'cpu', threads: 1, prepack: true } as const

beforeAll(() => {
  const { parameters, values } = scatteredModel(tinyOptions)
  const tensors = new Map([...values].map(([name, data]) => [name, { dtype: 'F32' as const, shape: [...(parameters.trainable.get(name)?.shape ?? [])], data }]))
  writeSafetensors(join(folder, 'model.safetensors'), tensors)
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('rotary frequencies', () => {
  it('scale as Llama 3.2 1B does', () => {
    const frequencies = inverseFrequencies({ headDim: 64, ropeTheta: 5e5, ropeScaling: { factor: 32, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositions: 8192 } })
    const published = [4.839421e-3, 3.211446e-3, 1.290548e-3, 4.295568e-4, 9.708288e-5, 1.946164e-5, 1.291477e-5]
    for (const [index, value] of published.entries()) expect(Math.abs((frequencies[13 + index] ?? NaN) / value - 1)).toBeLessThan(1e-6)
  })
})

interface Model {
  config: LlamaConfig
  options: TrainerOptions
  parameters: Parameters
  values: Map<string, Float32Array>
}

/** Weights far from their start, so that every path carries gradient (LoRA's B starts at 0, weights near 0). */
function scatteredModel(options: TrainerOptions): Model {
  const config = options.config ?? tinyConfig
  const parameters = openParameters(options, config, options.lora === null)
  const values = new Map([...parameters.trainable].map(([name, { initial }], index): [string, Float32Array] => {
    const random = new Random(77, index)
    return [name, Float32Array.from(initial, (value) => value + 0.4 * random.normal())]
  }))
  return { config, options, parameters, values }
}

async function exactGradients({ config, options, parameters, values }: Model, batch: Batch): Promise<Map<string, Float32Array>> {
  const { graph } = trainGraph({ config, options, parameters, shape: batch })
  const session = await compile(graph, cpu)
  const feeds = new Map<string, Data>([
    ...batchFeeds(batch), ...values,
    ['segments', batch.segments], ['share', batch.counted.map((counted) => counted / batch.supervisedCount)],
  ])
  const outputs = await session.run(feeds)
  await session.dispose()
  return new Map([...values.keys()].map((name) => [name, floats(outputs, gradientName(name))]))
}

function batchFeeds(batch: Batch): [string, Data][] {
  return [['tokens', batch.tokens], ['positions', batch.positions], ['head-rows', batch.headRows], ['labels', batch.labels]]
}

/** Mean loss as a function of the weights, summed in double precision outside the graph. */
async function lossFunction({ config, options, parameters }: Model, batch: Batch): Promise<{ at: (values: Map<string, Float32Array>) => Promise<number>; dispose: () => Promise<void> }> {
  const session = await compile(evaluateGraph({ config, options, parameters, shape: batch }), cpu)
  return {
    at: async (values) => {
      const nll = floats(await session.run(new Map([...batchFeeds(batch), ...values])), 'nll')
      return nll.reduce((sum, value, index) => sum + value * (batch.counted[index] ?? 0), 0) / batch.supervisedCount
    },
    dispose: () => session.dispose(),
  }
}

/** DoRA's norms are constants in its gradient. Where A or B moves, the magnitude moves along so that their quotient stays. */
function holdNorms(model: Model, values: Map<string, Float32Array>): Map<string, Float32Array> {
  const { lora } = model.options
  if (lora?.useDora !== true) return values
  const held = new Map(values)
  const [before, after] = [rowNormsOf(model, model.values), rowNormsOf(model, values)]
  for (const { module } of model.parameters.targets) {
    const [name, from, to] = [loraNames(module).magnitude, before.get(module), after.get(module)]
    held.set(name, (values.get(name) ?? new Float32Array()).map((value, row) => (value * (to?.[row] ?? NaN)) / (from?.[row] ?? NaN)))
  }
  return held
}

/** ‖W + s·B·A‖ of each row, the plain way and in double precision. */
function rowNormsOf({ parameters, options }: Model, values: ReadonlyMap<string, Float32Array>): Map<string, number[]> {
  const rank = options.lora?.rank ?? 0
  const scaling = (options.lora?.alpha ?? NaN) / rank
  return new Map(parameters.targets.map(({ module, inSize, outSize }) => {
    const entry = parameters.frozen.get(`${module}.weight`)
    if (entry === undefined) throw new Error(`no ${module}`)
    const weight = readFrozen(entry)
    const [a, b] = [values.get(loraNames(module).a), values.get(loraNames(module).b)]
    return [module, Array.from({ length: outSize }, (_, row) => Math.hypot(...Array.from({ length: inSize }, (_, column) => {
      let sum = weight[row * inSize + column] ?? NaN
      for (let k = 0; k < rank; k++) sum += scaling * (b?.[row * rank + k] ?? NaN) * (a?.[k * inSize + column] ?? NaN)
      return sum
    })))]
  }))
}

async function checkModelGradient(options: TrainerOptions): Promise<void> {
  const model = scatteredModel(options)
  const batch = makeBatch(singleRows(tinyExamples(3)))
  const gradients = await exactGradients(model, batch)
  const loss = await lossFunction(model, batch)
  for (const [index, [name, gradient]] of [...gradients].entries()) {
    const norm = Math.hypot(...gradient)
    expect(norm, `${name} has no gradient`).toBeGreaterThan(1e-6)
    const random = new Random(31, index)
    const direction = Float32Array.from(gradient, (value) => value / norm + (0.5 * random.normal()) / Math.sqrt(gradient.length))
    const value = model.values.get(name) ?? new Float32Array()
    const moved = (step: number): Map<string, Float32Array> => new Map(model.values).set(name, value.map((number, element) => number + step * (direction[element] ?? 0)))
    // Fourth-order differences: the second-order error of a step large enough for float32 would hide small mistakes.
    const lossAt = (step: number): Promise<number> => loss.at(holdNorms(model, moved(step)))
    const central = async (step: number): Promise<number> => ((await lossAt(step)) - (await lossAt(-step))) / (2 * step)
    const difference = (4 * (await central(0.004)) - (await central(0.008))) / 3
    const slope = gradient.reduce((sum, number, element) => sum + number * (direction[element] ?? 0), 0)
    expect(Math.abs(difference - slope), `${name}: ${slope} against ${difference}`).toBeLessThan(1e-3 * norm + 5e-5)
  }
  await loss.dispose()
}

describe('whole-model gradients against finite differences', () => {
  it('all weights: grouped queries, biases, scaled rotary angles, separate head', () => checkModelGradient(tinyOptions))

  it('all weights with tied embeddings, which collect both contributions', async () => {
    await checkModelGradient({ ...tinyOptions, config: { ...tinyConfig, tieEmbeddings: true } })
  })

  it('LoRA on all linear layers', () =>
    checkModelGradient({ ...tinyOptions, config: undefined, modelFolder: folder, lora: { rank: 2, alpha: 3, dropout: 0, targetModules: ['all-linear'] } }))

  it('DoRA on all linear layers', () =>
    checkModelGradient({ ...tinyOptions, config: undefined, modelFolder: folder, lora: { rank: 2, alpha: 3, dropout: 0, targetModules: 'all-linear', useDora: true } }))
})

describe('packing', () => {
  it('gives the gradients of padding', async () => {
    const examples = tinyExamples(5)
    const model = scatteredModel(tinyOptions)
    const padded = await exactGradients(model, makeBatch(singleRows(examples)))
    const packed = await exactGradients({ ...model, options: { ...tinyOptions, packing: true } }, makeBatch(packRows(examples, 32)))
    for (const [name, gradient] of padded) {
      const other = packed.get(name) ?? new Float32Array()
      const distance = Math.hypot(...gradient.map((value, index) => value - (other[index] ?? NaN)))
      expect(distance / Math.hypot(...gradient), name).toBeLessThan(1e-5)
    }
  })
})
