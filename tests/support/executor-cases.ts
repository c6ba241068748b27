/*
 * What every executor must compute alike: each operator with its gradient, and a small Llama of the whole family's
 * features through training graph, evaluation, some updates and generation. Each case gives named lists of numbers.
 */
import { join } from 'node:path'
import { gradients } from '../../workers/engine/autodiff.js'
import { makeBatch, packRows, singleRows, type Batch } from '../../workers/engine/batches.js'
import type { Device, TrainerOptions } from '../../workers/engine/engine.js'
import { compile, type Data } from '../../workers/engine/executors/executor.js'
import { Graph } from '../../workers/engine/graph.js'
import { keepMask } from '../../workers/engine/lora.js'
import { LlamaRunner } from '../../workers/engine/models/llama-decode.js'
import { tinyConfig, tinyExamples, tinyOptions } from '../../workers/engine/models/tiny-llama.js'
import type { OperatorName } from '../../workers/engine/ops/attributes.js'
import { operatorCases, prepareCase, weightedSum } from '../../workers/engine/ops/operator-cases.js'
import { operators } from '../../workers/engine/ops/operators.js'
import { openParameters } from '../../workers/engine/parameters.js'
import { QUANTIZATIONS } from '../../workers/engine/quantization.js'
import { Random } from '../../workers/engine/random.js'
import { evaluateGraph, gradientName, trainGraph } from '../../workers/engine/step-graph.js'
import { createTrainer } from '../../workers/engine/trainer.js'

export type Numbers = Map<string, number[]>

/** Where and on what: the folder holds the base model that `writeBase` makes. */
export interface Place {
  device: Device
  folder: string
}

const examples = tinyExamples(4)

/** The tiny model with weights far from their start, in bfloat16: what a real folder holds. */
export async function writeBase(folder: string): Promise<void> {
  const trainer = await createTrainer({ ...tinyOptions, saveDtype: 'BF16' }, examples)
  for (const [index, values] of [...trainer.weights().values()].entries()) scatter(values, index)
  await trainer.save(folder)
  await trainer.dispose()
  const blocks = await createTrainer({ ...tinyOptions, config: blockConfig }, examples)
  await blocks.save(join(folder, 'blocks'))
  await blocks.dispose()
}

function adapterOptions({ device, folder }: Place): TrainerOptions {
  const lora = { rank: 2, alpha: 4, dropout: 0.25, targetModules: 'all-linear' }
  return { ...tinyOptions, config: undefined, modelFolder: folder, packing: true, maxLength: 16, lora, device, labelSmoothing: 0.1 }
}

export const executorCases: Record<string, (place: Place) => Promise<Numbers>> = {
  'every operator, with its gradient': operatorsAndGradients,
  'a training graph: LoRA on 16-bit weights, packed rows, dropout, recomputation': trainingGraph,
  'an evaluation graph': evaluationGraph,
  'two updates of an adapter': updates,
  'two updates of all weights': updatesOfAll,
  'losses over weights in eight and four bits, and an update': overCodes,
  'generation with a cache, and likelihoods': generation,
}

async function operatorsAndGradients({ device }: Place): Promise<Numbers> {
  const graph = new Graph()
  const feeds = new Map<string, Data>()
  for (const name of Object.keys(operators) as OperatorName[]) {
    for (const [index, example] of operatorCases[name].entries()) {
      const prefix = `${name}${index}`
      const prepared = prepareCase(name, example, { graph, prefix })
      for (const [input, data] of prepared.feeds) feeds.set(input, data)
      graph.output(prefix, prepared.output)
      if (operators[name].backward === null || name === 'Detach') continue
      for (const [place, gradient] of gradients(graph, weightedSum(graph, prepared.output), prepared.inputs).entries()) graph.output(`${prefix} gradient ${place}`, gradient)
    }
  }
  return run(graph, device, feeds)
}

async function trainingGraph(place: Place): Promise<Numbers> {
  const options = { ...adapterOptions(place), gradientCheckpointing: true }
  const batch = makeBatch(packRows(examples, options.maxLength), options.maxLength)
  const parameters = openParameters(options, tinyConfig, false)
  const { graph, keepMasks } = trainGraph({ config: tinyConfig, options, parameters, shape: batch, headBlocks: 2 })
  const feeds = batchFeeds(batch).set('segments', batch.segments).set('share', batch.counted.map((counted) => counted / batch.supervisedCount))
  for (const [index, [name, { initial }]] of [...parameters.trainable].entries()) feeds.set(name, scatter(initial, index))
  for (const { name, index, size } of keepMasks) feeds.set(name, keepMask(size, { dropout: 0.25, seed: 1, step: 1, part: 0, index }))
  const outputs = await run(graph, place.device, feeds)
  for (const name of parameters.trainable.keys()) if (!outputs.has(gradientName(name))) throw new Error(`no gradient of ${name}`)
  return outputs
}

async function evaluationGraph(place: Place): Promise<Numbers> {
  const options = adapterOptions(place)
  const batch = makeBatch(singleRows(examples))
  const parameters = openParameters(options, tinyConfig, false)
  const feeds = batchFeeds(batch)
  for (const [index, [name, { initial }]] of [...parameters.trainable].entries()) feeds.set(name, scatter(initial, index))
  const outputs = await run(evaluateGraph({ config: tinyConfig, options, parameters, shape: batch }), place.device, feeds)
  // Places without a label hold whatever padding gave.
  return new Map([...outputs].map(([name, values]) => [name, values.filter((_, index) => batch.counted[index] === 1)]))
}

function updates(place: Place): Promise<Numbers> {
  return train(adapterOptions(place), 2)
}

function updatesOfAll({ device }: Place): Promise<Numbers> {
  return train({ ...tinyOptions, batchSize: 4, device }, 2)
}

/** Its linear layers fall into blocks of 64 weights. */
const blockConfig = { ...tinyConfig, hiddenSize: 16, intermediateSize: 24 }

/** An update for one format only: the suite must stay short where a GPU is imitated. */
async function overCodes(place: Place): Promise<Numbers> {
  const modelFolder = join(place.folder, 'blocks')
  const all: Numbers = new Map()
  for (const dtype of QUANTIZATIONS) {
    const numbers = await train({ ...adapterOptions(place), modelFolder, base: { dtype, cacheFolder: join(place.folder, `cache-${place.device}`) } }, dtype === 'nf4' ? 1 : 0)
    for (const [name, values] of numbers) if (values.length > 0) all.set(`${dtype}: ${name}`, values)
  }
  return all
}

async function train(options: TrainerOptions, steps: number): Promise<Numbers> {
  const trainer = await createTrainer(options, examples)
  const numbers: Numbers = new Map([['loss', []], ['gradient norm', []]])
  for (let step = 0; step < steps; step++) {
    const { loss, gradNorm } = await trainer.step()
    numbers.get('loss')?.push(loss)
    numbers.get('gradient norm')?.push(gradNorm)
  }
  numbers.set('evaluation', [(await trainer.evaluate(examples)).loss])
  await trainer.dispose()
  return numbers
}

async function generation({ device, folder }: Place): Promise<Numbers> {
  const runner = new LlamaRunner({ folder, config: tinyConfig, device, threads: 1 })
  const cache = runner.newCache()
  const numbers: Numbers = new Map()
  let logits = await runner.extend(cache, [3, 1, 4, 1, 5, 9, 2, 6])
  const tokens: number[] = []
  for (let step = 0; step < 4; step++) {
    numbers.set(`logits ${step}`, [...logits])
    tokens.push(logits.indexOf(Math.max(...logits)))
    logits = await runner.extend(cache, tokens.slice(-1))
  }
  numbers.set('tokens', tokens)
  const scored = await runner.score(cache, [{ inputs: [5, 3], labels: [3, 5] }, { inputs: [8], labels: [9] }])
  numbers.set('likelihoods', scored.flatMap(({ nll }) => [...nll]))
  await runner.close()
  return numbers
}

async function run(graph: Graph, device: Device, feeds: ReadonlyMap<string, Data>): Promise<Numbers> {
  const session = await compile(graph, { device, threads: 1, prepack: true })
  const outputs = await session.run(feeds)
  await session.dispose()
  return new Map([...outputs].map(([name, data]) => [name, Array.from<number | bigint, number>(data, Number)]))
}

function batchFeeds({ tokens, positions, headRows, labels }: Batch): Map<string, Data> {
  return new Map<string, Data>([['tokens', tokens], ['positions', positions], ['head-rows', headRows], ['labels', labels]])
}

/** LoRA's B starts at 0 and weights near it: moved away, so that every path carries numbers. In place. */
function scatter(values: Float32Array, index: number): Float32Array {
  const random = new Random(77, index)
  for (const [place, value] of values.entries()) values[place] = value + 0.3 * random.normal()
  return values
}
