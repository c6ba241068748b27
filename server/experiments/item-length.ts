/* How long the items of a dataset are, told from its first ones: for estimates before anything runs. */
import type { DatasetItem } from '../../datasets/items.js'
import type { Dataset } from '../../datasets/reader.js'

const SAMPLE = 200

/** Mean characters of what is read of an item; undefined where there are none. */
export async function meanItemCharacters(dataset: Pick<Dataset, 'splits' | 'stream'>): Promise<number | undefined> {
  const split = Object.keys(dataset.splits).find((name) => (dataset.splits[name] ?? 0) > 0)
  if (split === undefined) return undefined
  let [characters, count] = [0, 0]
  for await (const item of dataset.stream(split)) {
    characters += charactersOf(item)
    if (++count === SAMPLE) break
  }
  return characters / count
}

/** Of a retrieval dataset. */
export async function documentSizes(dataset: Pick<Dataset, 'documents'>): Promise<{ count: number; characters: number }> {
  const documents = await dataset.documents()
  return { count: documents.length, characters: documents.reduce((sum, { text }) => sum + text.length, 0) }
}

function charactersOf(item: DatasetItem): number {
  if ('messages' in item && Array.isArray(item.messages)) return item.messages.reduce((sum, { content }) => sum + content.length, 0)
  const text = [item['input'], item['question'], item['text']].find((field) => typeof field === 'string')
  return typeof text === 'string' ? text.length : 0
}
