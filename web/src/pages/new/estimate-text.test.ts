import { afterAll, beforeAll, expect, it } from 'vitest'
import { estimate } from '../../../../experiments/estimate.js'
import { ExperimentSpecSchema } from '../../../../server/contracts/index.js'
import { setLanguage } from '../../i18n.js'
import { noteText, rangeText, timeText } from './estimate-text.js'

beforeAll(() => setLanguage('pt'))
afterAll(() => setLanguage('en'))

const notesOf = (spec: object): string[] => estimate(ExperimentSpecSchema.parse({ name: 'a', dataset: 'd', ...spec }), { datasetSizes: { train: 10, test: 10, validation: 10 }, itemCharacters: 40 }).notes

it('has every note in Portuguese', () => {
  const endpoint = { provider: 'openai', baseUrl: 'http://h/v1', model: 'm' }
  const judge = { type: 'judge', model: 'm', others: ['n'], rubric: 'r' }
  const notes = [
    { kind: 'prompt', model: endpoint, fixed: { scorers: { tone: judge } }, budget: { usd: 1 } },
    { kind: 'prompt', fixed: { split: 'absent' } },
    { kind: 'prompt', fixed: { price: { perHour: 1 } } },
    { kind: 'prompt', fixed: { price: { perHour: 1 } }, budget: { minutes: 1 } },
    { kind: 'lora', model: 'absent' },
    { kind: 'pretrain', fixed: { steps: 2 } },
    { kind: 'rag', fixed: { retriever: 'embedding', embeddingModel: endpoint } },
  ].flatMap(notesOf)
  const kept = [...new Set(notes)].flatMap((note) => [[note, noteText(note)] as const]).filter(([, text]) => text !== null)
  expect(kept.length).toBeGreaterThan(12)
  for (const [note, text] of kept) expect(text, note).not.toBe(note)
})

it('says the time as a range, on what it rests, and why it is not known', () => {
  expect(rangeText({ seconds: 65, low: 40, high: 130 }).replaceAll(/\s/g, ' ')).toBe('1 min 05 s (40,0 s – 2 min 10 s)')
  expect(timeText({ time: { seconds: 1, low: 1, high: 2, basis: 'same', pastRuns: 12, workers: 1 }, timeUnknown: null })).toMatch(/^tempo: a partir de 12 execuções anteriores como estas nesta máquina; no único worker que há\./)
  expect(timeText({ time: null, timeUnknown: 'unknown_model' })).toBe('tempo: desconhecido: o modelo, ou aquilo com que ele treina, não é conhecido aqui')
})
