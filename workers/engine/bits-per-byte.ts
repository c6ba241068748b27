/** How well a model predicts text, in a unit that does not depend on its tokenizer, so that it compares with any other model of bytes. */
import { EngineError } from './engine-error.js'
import type { LanguageModel } from './generate.js'

/** Windows scored together; packs short documents into one pass. */
const WINDOWS_PER_PASS = 64

interface Window {
  tokens: readonly number[]
  /** Losses before this place belong to the window before; the tokens are here as context only. */
  firstNew: number
}

/**
 * Σ −log₂ p(token) / bytes over whole documents, each begun with the tokenizer's BOS. Lower is better; NaN where
 * there is no text. Documents longer than the context are read in windows that overlap by half, each token scored
 * once with at least half a context before it (but in the first window).
 */
export async function bitsPerByte(model: LanguageModel, documents: readonly string[]): Promise<number> {
  const windows = documents.flatMap((document) => windowsOf(model, document))
  let nats = 0
  for (let start = 0; start < windows.length; start += WINDOWS_PER_PASS) {
    const batch = windows.slice(start, start + WINDOWS_PER_PASS)
    const losses = await model.tokenLosses(batch.map(({ tokens }) => tokens))
    losses.forEach((loss, index) => {
      nats += loss.subarray(batch[index]?.firstNew).reduce((sum, value) => sum + value, 0)
    })
  }
  return nats / Math.LN2 / documents.reduce((bytes, document) => bytes + Buffer.byteLength(document), 0)
}

function windowsOf({ tokenizer, config }: LanguageModel, document: string): Window[] {
  const start = tokenizer.bosTokenId ?? tokenizer.eosTokenId
  if (start === undefined) throw new EngineError('tokenizer_invalid', 'the tokenizer has neither a BOS nor an EOS token to begin a text with')
  const tokens = [start, ...tokenizer.encode(document, { addSpecialTokens: false })]
  const [longest, stride] = [config.maxPositions + 1, config.maxPositions >> 1]
  const windows: Window[] = []
  for (let begin = 0, scored = 1; scored < tokens.length; begin += stride) {
    const end = Math.min(begin + longest, tokens.length)
    windows.push({ tokens: tokens.slice(begin, end), firstNew: scored - begin - 1 })
    scored = end
  }
  return windows
}
