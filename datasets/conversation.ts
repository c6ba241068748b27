/*
 * Conversations in the forms they are passed around in, read into one: `messages` (OpenAI, TRL), `prompt` and
 * `completion` as two lists of messages (TRL), `conversations` of from and value (ShareGPT).
 */
import { z } from 'zod'
import { ItemIdSchema } from '../server/contracts/index.js'

/** Further fields (name, tool_calls, …) are kept for the chat template. */
export interface ConversationMessage {
  role: string
  content: string
  [field: string]: unknown
}

export interface ConversationItem {
  id: string
  messages: ConversationMessage[]
  /** How many of the messages are only read; the rest is the answer. Without a stated prompt: all before the last assistant message. */
  promptMessages: number
  [field: string]: unknown
}

/** Names of the speakers in ShareGPT-like files, and what chat templates call them. */
const SPEAKERS: Readonly<Record<string, string>> = { human: 'user', gpt: 'assistant', chatgpt: 'assistant', model: 'assistant', observation: 'tool', function_response: 'tool' }

const MessageSchema = z.looseObject({ role: z.string().min(1), content: z.string().nullish().transform((content) => content ?? '') })
const SpokenSchema = z.looseObject({ from: z.string().min(1), value: z.string() }).transform(({ from, value, ...rest }) => ({ ...rest, role: SPEAKERS[from] ?? from, content: value }))
const MessagesSchema = z.array(MessageSchema).min(1)

const SplitSchema = z
  .looseObject({ id: ItemIdSchema, prompt: MessagesSchema, completion: MessagesSchema })
  .transform(({ prompt, completion, ...rest }) => ({ ...rest, messages: [...prompt, ...completion], promptMessages: prompt.length }))
const SpokenItemSchema = z
  .looseObject({ id: ItemIdSchema, conversations: z.array(SpokenSchema).min(1) })
  .transform(({ conversations, ...rest }) => ({ ...rest, messages: conversations, promptMessages: promptLength(conversations) }))
const PlainItemSchema = z
  .looseObject({ id: ItemIdSchema, messages: MessagesSchema })
  .transform((item) => ({ ...item, promptMessages: promptLength(item.messages) }))

/** The form is told from the fields, so that a fault is named in the form that was meant. */
export const ConversationItemSchema = z.looseObject({}).transform((item, context): ConversationItem => {
  const schema = 'messages' in item ? PlainItemSchema : 'conversations' in item ? SpokenItemSchema : 'prompt' in item ? SplitSchema : PlainItemSchema
  const parsed = schema.safeParse(item)
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message })
    return z.NEVER
  }
  const { data } = parsed
  const answer = data.messages.slice(data.promptMessages)
  if (answer.some(({ role }) => role === 'assistant')) return data
  const field = 'conversations' in item ? 'conversations' : 'completion' in item ? 'completion' : 'messages'
  context.addIssue({ code: 'custom', path: [field], message: `no message is the assistant's (roles: ${answer.map(({ role }) => role).join(', ')}), so there is nothing to learn; add one` })
  return z.NEVER
})

function promptLength(messages: readonly { role: string }[]): number {
  return Math.max(0, messages.findLastIndex(({ role }) => role === 'assistant'))
}
