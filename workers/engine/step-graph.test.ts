import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { writeRandomLlama } from '../../tests/support/random-llama.js'
import { makeBatch, singleRows } from './batches.js'
import { compile, floats, type Data } from './executors/executor.js'
import { heldBytes } from './memory.js'
import { headScores } from './models/head-blocks.js'
import { tinyConfig, tinyExamples, tinyOptions } from './models/tiny-llama.js'
import { openParameters } from './parameters.js'
import { evaluateGraph, trainGraph } from './step-graph.js'

const modelFolder = mkdtempSync(join(tmpdir(), 'step-graph-'))
afterAll(() => rmSync(modelFolder, { recursive: true }))

it('computes the same loss and gradients over blocks of the head’s rows as over all of them, with fewer logits in memory', async () => {
  // The vocabulary is what the memory is needed for.
  const config = { ...tinyConfig, vocabSize: 3000 }
  writeRandomLlama({ folder: modelFolder, config, dtype: 'F32', seed: 3 })
  const options = { ...tinyOptions, config: undefined, modelFolder, labelSmoothing: 0.1, lora: { rank: 2, alpha: 4, dropout: 0, targetModules: ['q_proj', 'down_proj'] } }
  const batch = makeBatch(singleRows(tinyExamples(3)))
  const parameters = openParameters(options, config, false)
  // Where B is 0, A has no gradient.
  for (const { initial } of parameters.trainable.values()) initial.forEach((value, index) => (initial[index] = value + 0.1 * Math.sin(index)))
  const feeds = new Map<string, Data>([...parameters.trainable].map(([name, { initial }]) => [name, initial]))
  for (const [name, data] of Object.entries({ tokens: batch.tokens, positions: batch.positions, 'head-rows': batch.headRows, labels: batch.labels, share: batch.counted.map((counted) => counted / batch.supervisedCount) })) feeds.set(name, data)

  const results = []
  // More blocks than one node can join.
  for (const headBlocks of [1, 9]) {
    const { graph } = trainGraph({ config, options, parameters, shape: batch, headBlocks })
    const session = await compile(graph, { device: 'cpu', threads: 1, prepack: false })
    const wanted = new Map(graph.inputs.map(({ name }) => [name, feeds.get(name) ?? new Float32Array()]))
    results.push({ outputs: await session.run(wanted), bytes: heldBytes(graph) })
    await session.dispose()
  }
  const [whole, cut] = results
  expect(cut?.bytes).toBeLessThan(0.75 * (whole?.bytes ?? NaN))
  expect([...(cut?.outputs.keys() ?? [])]).toEqual([...(whole?.outputs.keys() ?? [])])
  for (const name of whole?.outputs.keys() ?? []) {
    const [expected, values] = [whole, cut].map((result) => floats(result?.outputs ?? new Map(), name))
    const largest = Math.max(...(expected ?? []).map(Math.abs))
    expect(largest, name).toBeGreaterThan(0)
    for (const [index, value] of values?.entries() ?? []) expect(Math.abs(value - (expected?.[index] ?? NaN)), name).toBeLessThan(1e-5 * largest)
  }
})

it('scores the same over blocks of the head’s rows as over all of them, with fewer logits in memory', async () => {
  const config = { ...tinyConfig, vocabSize: 3000 }
  const options = { ...tinyOptions, config }
  const batch = makeBatch(singleRows(tinyExamples(3)))
  const parameters = openParameters(options, config, true)
  const feeds = new Map<string, Data>([...parameters.trainable].map(([name, { initial }]) => [name, initial]))
  for (const [name, data] of Object.entries({ tokens: batch.tokens, positions: batch.positions, 'head-rows': batch.headRows, labels: batch.labels })) feeds.set(name, data)

  const results = []
  for (const headBlocks of [1, 4]) {
    const graph = evaluateGraph({ config, options, parameters, shape: batch, headBlocks })
    const session = await compile(graph, { device: 'cpu', threads: 1, prepack: false, keepsMemory: false })
    results.push({ ...headScores(await session.run(new Map(graph.inputs.map(({ name }) => [name, feeds.get(name) ?? new Float32Array()])))), bytes: heldBytes(graph) })
    await session.dispose()
  }
  const [whole, cut] = results
  expect(cut?.bytes).toBeLessThan(0.5 * (whole?.bytes ?? NaN))
  expect(cut?.choice).toEqual(whole?.choice)
  expect(cut?.nll).toHaveLength(batch.R)
  for (const [index, value] of cut?.nll.entries() ?? []) expect(Math.abs(value - (whole?.nll[index] ?? NaN))).toBeLessThan(1e-5)
})
