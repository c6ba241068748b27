/** Names of things as the pages write them. */
import type { Kind } from '../../server/contracts/experiment.js'

export const KINDS_IN_WORDS: Record<Kind, string> = { prompt: 'Prompt', lora: 'LoRA', rag: 'RAG', pretrain: 'Pretraining' }

/** What a run counts along x: optimizer steps when it trains, items when it answers. */
export const stepUnit = (kind: Kind): string => (kind === 'lora' || kind === 'pretrain' ? 'step' : 'items')

export const plural = (count: number, word: string, words = `${word}s`): string => `${count.toLocaleString('en-US')} ${count === 1 ? word : words}`

/** Keeps a number and its unit on one line. */
export const unbroken = (text: string): string => text.replaceAll(/(\d) (%|ms\b|points\b)/g, '$1\u00a0$2')
