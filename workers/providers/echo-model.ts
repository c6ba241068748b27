/* No model: the prompt comes back as its own answer. */
import { timeAlone, type ChatModel } from './chat-model.js'

/** One message comes back as its text, a conversation as the JSON of its messages. */
export function echoModel(name: string, concurrency: number): ChatModel {
  return {
    name,
    concurrency,
    complete: ({ messages }) => {
      const [only] = messages
      return Promise.resolve({ text: messages.length === 1 && only !== undefined ? only.content : JSON.stringify(messages), finishReason: 'stop', ...timeAlone(0) })
    },
    scoreContinuations: null,
    continuesText: () => false,
    close: () => Promise.resolve(),
  }
}
