import type { Message } from './chat-model.js'

/** Messages as one text to read: a lone question as it is, else each turn under its role. */
export function transcriptOf(messages: readonly Message[]): string {
  const [only] = messages
  if (messages.length === 1 && only?.role === 'user') return only.content
  return messages.map(({ role, content }) => `[${role}]\n${content}`).join('\n\n')
}
