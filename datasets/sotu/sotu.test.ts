import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { findLeaks } from '../leaks.js'
import { openDataset } from '../reader.js'

const folder = fileURLToPath(new URL('.', import.meta.url))

function wordsOf(text: string): Set<string> {
  return new Set(text.toLowerCase().match(/[a-z0-9]+/g) ?? [])
}

describe('the shipped State of the Union questions', () => {
  it('stand on gold passages that are at their offsets, in forty-two addresses', async () => {
    const dataset = await openDataset(folder, [])
    await dataset.validate()
    expect(dataset.splits).toEqual({ validation: 29, test: 117 })
    expect(await findLeaks(dataset)).toEqual([])
    const documents = new Map((await dataset.documents()).map((document) => [document.id, document.text]))
    expect(documents.size).toBe(42)
    for (const split of ['validation', 'test']) {
      for (const { id, document, passage, start, end } of await dataset.readAs('retrieval', split)) {
        const text = documents.get(document) ?? ''
        expect(text.slice(start, end), id).toBe(passage)
        expect(text.indexOf(passage, start + 1), `${id}: the passage occurs once`).toBe(-1)
      }
    }
  })

  it('ask about every address, and mostly in other words than the passage', async () => {
    const dataset = await openDataset(folder, [])
    const questions = [...(await dataset.readAs('retrieval', 'validation')), ...(await dataset.readAs('retrieval', 'test'))]
    expect(new Set(questions.map(({ document }) => document)).size).toBe(42)
    const overlaps = questions.map(({ question, passage }) => {
      const asked = [...wordsOf(question)].filter((word) => word.length > 3)
      const given = wordsOf(passage)
      return asked.filter((word) => given.has(word)).length / asked.length
    })
    const mean = overlaps.reduce((sum, overlap) => sum + overlap, 0) / overlaps.length
    expect(mean).toBeLessThan(0.4)
  })
})
