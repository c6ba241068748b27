/* A text scored by how well the model predicts it. */
import { toWire, type Example } from '../../server/contracts/index.js'

const SHOWN_CHARACTERS = 500

/** @param losses negative log-likelihood of the text in nats, over its predicted tokens */
export function scoredText({ id, text }: { id: string; text: string }, { nats, tokens }: { nats: number; tokens: number }): Example {
  const bytes = Buffer.byteLength(text)
  return {
    itemId: id,
    cluster: null,
    input: text.slice(0, SHOWN_CHARACTERS),
    output: '',
    target: null,
    status: tokens === 0 ? 'unscored' : 'scored',
    scores: tokens === 0 ? {} : { bits_per_byte: toWire(nats / Math.LN2 / bytes), loss: toWire(nats / tokens) },
    error: null,
    latencyMs: null,
    ttftMs: null,
    tokensIn: tokens,
    tokensOut: 0,
    costUsd: null,
    details: { bytes },
  }
}
