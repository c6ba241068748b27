/*
 * Measures the model on the text it never saw, beside a byte-level 5-gram model with Kneser–Ney
 * smoothing that was trained on the same text:
 *   node dist/models/nano-pt-en/evaluate.js --corpus CORPUS [--model models/nano-pt-en]
 * Both read each held-out document from its beginning, knowing nothing before it.
 */
import { parseArgs } from 'node:util'
import { openDataset } from '../../datasets/reader.js'
import { KneserNeyModel } from '../../workers/engine/baselines/kneser-ney.js'
import { loadTokenizer } from '../../workers/engine/formats/tokenizer.js'
import { createTrainer } from '../../workers/engine/trainer.js'

const { values } = parseArgs({ options: { corpus: { type: 'string' }, model: { type: 'string', default: 'models/nano-pt-en' }, help: { type: 'boolean' } } })
if (values.help || values.corpus === undefined) {
  process.stderr.write('usage: node dist/models/nano-pt-en/evaluate.js --corpus CORPUS [--model FOLDER]\nCORPUS is the folder that the recipe in the card writes.\n')
  process.exit(values.help ? 0 : 2)
}

const ROW_TOKENS = 512
const dataset = await openDataset(values.corpus, [])
const heldOut = await dataset.readAs('text', 'heldout')
const bytes = heldOut.map((document) => Buffer.from(document.text))
const totalBytes = bytes.reduce((sum, one) => sum + one.length, 0)

const tokenizer = loadTokenizer(values.model)
const rows = heldOut.flatMap((document) => {
  const tokens = tokenizer.encode(document.text)
  const pieces = []
  for (let start = 0; start < tokens.length - 1; start += ROW_TOKENS - 1) {
    const piece = tokens.slice(start, start + ROW_TOKENS)
    pieces.push({ id: `${document.id}#${start}`, tokens: piece, labels: piece })
  }
  return pieces
})
const model = await createTrainer(
  {
    ...{ modelFolder: values.model, lora: null, learningRate: 1e-3, schedule: 'constant', warmupSteps: 0, totalSteps: 1, weightDecay: 0, maxGradNorm: 1 },
    ...{ betas: [0.9, 0.95], eps: 1e-8, batchSize: 8, maxLength: ROW_TOKENS, packing: false, seed: 0, threads: 2, device: 'cpu' },
  },
  rows,
)
const { loss, perplexity, tokens } = await model.evaluate(rows)
await model.dispose()
print('nano-pt-en', (loss * tokens) / Math.LN2 / totalBytes, `loss ${loss.toFixed(4)} nats/token, perplexity ${perplexity.toFixed(1)}, ${tokens} tokens`)

const trainingBytes: Buffer[] = []
for await (const document of dataset.stream('train')) trainingBytes.push(Buffer.from(`${'text' in document ? document.text : ''}\n`))
const text = Buffer.concat(trainingBytes)
const fiveGram = KneserNeyModel.train(text, 5)
const bits = bytes.reduce((sum, document) => sum + fiveGram.bitsPerByte(document) * document.length, 0)
print('5-gram, modified Kneser–Ney', bits / totalBytes, `${text.length} bytes of training text`)

function print(name: string, bitsPerByte: number, more: string): void {
  process.stdout.write(`${name.padEnd(28)} ${bitsPerByte.toFixed(4)} bits per byte over ${heldOut.length} documents, ${totalBytes} bytes (${more})\n`)
}
