/* A process of its own that trains a few steps with what was built, and prints its peak memory in bytes: node train-and-measure.mjs '{options, vocabSize, steps}' */
import { createTrainer } from '../../dist/workers/engine/trainer.js'

const { options, vocabSize, steps } = JSON.parse(process.argv[2])
const examples = Array.from({ length: 8 }, (_, index) => {
  const tokens = Array.from({ length: options.maxLength }, (_, place) => (index * 7919 + place * 104729) % vocabSize)
  return { id: `e${index}`, tokens, labels: tokens }
})
const trainer = await createTrainer(options, examples)
for (let step = 0; step < steps; step++) await trainer.step()
console.log(process.resourceUsage().maxRSS * 1024)
process.exit(0)
