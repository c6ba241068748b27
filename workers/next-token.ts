/* Entry that asks a model of this machine for the token after a text: its folder's name as a flag, the text on stdin, one line of JSON out. 0: done · 2: cannot be done as asked, with the reason on stderr · 1: broken. */
import { text as textOf } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { summarizeLogits } from '../experiments/next-token.js'
import type { NextToken } from '../server/contracts/index.js'
import { EngineError } from './engine/engine-error.js'
import { openLanguageModel } from './engine/generate.js'
import { findModelFolder } from './model-source.js'
import { findPlaces } from './places.js'
import { RunFailure } from './run-context.js'

/** Tokens told one by one; the others are told in groups. */
const MOST_TOKENS = 200

try {
  const { model: name = '' } = parseArgs({ options: { model: { type: 'string' } } }).values
  const model = await openLanguageModel({ folder: await findModelFolder(name, findPlaces().modelRoots), threads: 1, device: 'cpu' })
  const { tokens, logits } = await model.nextLogits(await textOf(process.stdin))
  const { top, rest } = summarizeLogits(logits, MOST_TOKENS)
  const answer: NextToken = { model: name, tokens, vocabulary: logits.length, top: top.map(({ id, logit }) => ({ id, logit, text: model.tokenizer.decode([id]) })), rest }
  await model.close()
  process.stdout.write(`${JSON.stringify(answer)}\n`)
} catch (error) {
  const isExpected = error instanceof EngineError || error instanceof RunFailure
  process.stderr.write(`${isExpected ? error.message : error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = isExpected ? 2 : 1
}
