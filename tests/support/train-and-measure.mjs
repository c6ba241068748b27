/*
 * A process of its own that goes through a run with what was built: evaluation, checkpoint and answers before the first
 * step, a few steps, the same again, and the test. Prints its peak memory in bytes, and by moment:
 * node train-and-measure.mjs '{options, vocabSize, steps, folder, answers}'
 *
 * Each session maps the weights' file for itself. Linux counts such a page for a process as often as it is mapped, though
 * it lies in memory once: what is counted twice is taken off.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createTrainer } from '../../dist/workers/engine/trainer.js'
import { CheckpointModel, copyCompanions } from '../../dist/workers/runners/checkpoint-model.js'

const ANSWER_TOKENS = 16
const { options, vocabSize, steps, folder, answers } = JSON.parse(process.argv[2])
const examples = Array.from({ length: 4 * options.batchSize }, (_, index) => {
  const tokens = Array.from({ length: options.maxLength }, (_, place) => (index * 7919 + place * 104729) % vocabSize)
  return { id: `e${index}`, tokens, labels: tokens }
})
const peaks = { opening: 0, training: 0, evaluating: 0, answering: 0 }

const bytesOf = (text, name) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)

/** Of weights, what lies in memory once and is counted several times. */
function countedTwice() {
  const mappings = readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
  return mappings.filter((mapping) => mapping.split('\n', 1)[0].endsWith('.safetensors')).reduce((sum, mapping) => sum + bytesOf(mapping, 'Rss') - bytesOf(mapping, 'Pss'), 0)
}

async function during(moment, work) {
  // The peak is counted anew from here on.
  writeFileSync('/proc/self/clear_refs', '5')
  const result = await work()
  peaks[moment] = Math.max(peaks[moment], bytesOf(readFileSync('/proc/self/status', 'utf8'), 'VmHWM') - countedTwice())
  return result
}

const trainer = await during('opening', () => createTrainer(options, examples))
const models = new CheckpointModel({ folder: options.modelFolder, base: options.base ?? { dtype: 'stored', cacheFolder: folder }, method: options.lora === null ? 'full' : 'lora', threads: options.threads, device: options.device })

async function answer(checkpoint) {
  const model = await models.at(checkpoint)
  const { tokens } = examples[0]
  await model.generate(tokens.slice(0, options.maxLength - ANSWER_TOKENS), { maxTokens: ANSWER_TOKENS })
  await model.tokenLosses([tokens])
}

async function look(name) {
  const checkpoint = join(folder, name)
  await trainer.release()
  await during('evaluating', () => trainer.evaluate(examples))
  await during('evaluating', () => trainer.save(checkpoint))
  if (options.lora === null) copyCompanions(options.modelFolder, checkpoint)
  await trainer.release()
  await during('answering', () => answer(checkpoint))
  await models.rest()
  return checkpoint
}

if (answers) await look('first')
await during('training', async () => {
  for (let step = 0; step < steps; step++) await trainer.step()
})
if (answers) {
  const last = await look('last')
  await trainer.dispose()
  await during('answering', () => answer(last))
}
console.log(JSON.stringify({ bytes: Math.max(...Object.values(peaks)), peaks }))
process.exit(0)
