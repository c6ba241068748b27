import { EngineError } from '../engine-error.js'
import type { Tokenizer } from './tokenizer.js'

/** Whether the id is a special token: shown when it is asked for, left out of a text. */
export function isSpecialToken(tokenizer: Tokenizer, id: number): boolean {
  return tokenizer.decode([id], { skipSpecialTokens: true }) === '' && tokenizer.decode([id]) !== ''
}

/**
 * The special token the chat template puts behind an answer (<|eot_id|>, <|im_end|>); undefined where there is no
 * template or no such token. The end-of-text token of a base model is often another one.
 */
export function turnEndToken(tokenizer: Tokenizer): number | undefined {
  if (!tokenizer.hasChatTemplate) return undefined
  const [question, answer] = ['question', 'answer']
  let [before, whole] = ['', '']
  try {
    before = tokenizer.applyChatTemplate([{ role: 'user', content: question }], { addGenerationPrompt: true })
    whole = tokenizer.applyChatTemplate([{ role: 'user', content: question }, { role: 'assistant', content: answer }])
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    return undefined // A template that refuses so plain a conversation tells nothing of its turns.
  }
  const start = whole.indexOf(answer, before.length)
  if (start < 0) return undefined
  const [first] = tokenizer.encode(whole.slice(start + answer.length).trimStart(), { addSpecialTokens: false })
  return first !== undefined && isSpecialToken(tokenizer, first) ? first : undefined
}
