import type { ConversationItem } from './conversation.js'
import type { DatasetItem } from './items.js'
import type { Dataset } from './reader.js'

/** One input that stands in more than one split: a model trained on the one has seen the answer of the other. */
export interface Leak {
  input: string
  places: Array<{ split: string; id: string }>
}

/** The text by which two inputs count as the same: letters and digits alone, so that case and spacing hide nothing. */
export function leakKey(input: string): string {
  return input.normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, ' ').trim()
}

/** What an item asks; of a conversation all that comes before its answer. */
export function textOf(item: DatasetItem): string {
  if (!('messages' in item)) return String(item['input'] ?? item['question'] ?? item['text'])
  const { messages, promptMessages } = item as ConversationItem
  return messages.slice(0, promptMessages).map(({ content }) => content).join('\n')
}

/** Inputs (questions, texts, conversations) that occur in two or more splits, compared by `leakKey`; an empty list when there are none. */
export async function findLeaks(dataset: Dataset): Promise<Leak[]> {
  const places = new Map<string, Leak>()
  for (const split of Object.keys(dataset.splits)) {
    for await (const item of dataset.stream(split)) {
      const input = textOf(item)
      const key = leakKey(input)
      const leak = places.get(key) ?? { input, places: [] }
      leak.places.push({ split, id: item.id })
      places.set(key, leak)
    }
  }
  return [...places.values()].filter((leak) => new Set(leak.places.map((place) => place.split)).size > 1)
}
