import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { convertDataFiles, type ConvertDataOptions, type ConvertedData } from './convert.js'
import { parseColumns } from './columns.js'

const bytes = (text: string, encoding: BufferEncoding = 'utf8'): Uint8Array => Buffer.from(text, encoding)
const convert = (files: Record<string, string>, options: Partial<ConvertDataOptions> = {}): ConvertedData =>
  convertDataFiles(Object.entries(files).map(([path, text]) => ({ path, bytes: bytes(text) })), { columns: {}, trainItems: 0, validationItems: 0, skipEmpty: false, passage: 'paragraph', ...options })
const itemsOf = ({ files }: ConvertedData, split: string): Record<string, unknown>[] =>
  (files.find(({ path }) => path.endsWith(`/${split}.jsonl`))?.text ?? '').split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>)
const manifestOf = ({ files }: ConvertedData): Record<string, unknown> => parse(files.find(({ path }) => path.endsWith('dataset.yaml'))?.text ?? '') as Record<string, unknown>

describe('data files as they lie', () => {
  it('takes a JSON list with columns of its own: the first usual name that is filled in is the answer', () => {
    const rows = Array.from({ length: 12 }, (_, index) => ({ id: `q${index}`, question: `Pergunta ${index}?`, answer: '', label: 'ab'[index % 2], options: ['sim', 'não'] }))
    const made = convert({ 'Exame 2022.json': JSON.stringify(rows) }, { language: 'pt' })
    expect(made).toMatchObject({ dataset: 'exame-2022', task: 'classification', splits: { test: 12 } })
    expect(made.notes[0]).toContain('"question" is taken for the question and "label" for the answer')
    expect(manifestOf(made)).toMatchObject({ name: 'exame-2022', labels: ['a', 'b'], language: 'pt', splits: { test: 'test.jsonl' } })
    expect(itemsOf(made, 'test')[1]).toEqual({ id: 'q1', question: 'Pergunta 1?', answer: '', label: 'b', options: ['sim', 'não'], input: 'Pergunta 1?', target: 'b' })
  })

  it('takes CSV with a byte order mark, CRLF, semicolons and quoted line breaks, and texts that are no classes', () => {
    const made = convert({ 'faq.csv': '\uFEFFpergunta;resposta\r\n"Quanto\r\ncusta?";"R$ 1,50"\r\nQuando?;Hoje\r\n' })
    expect(made).toMatchObject({ task: 'generation', splits: { test: 2 } })
    expect(itemsOf(made, 'test')).toMatchObject([{ id: 'test-1', input: 'Quanto\r\ncusta?', target: 'R$ 1,50' }, { id: 'test-2', input: 'Quando?', target: 'Hoje' }])
  })

  it('takes several files as splits by their names, columns as they are named, numbers as texts', () => {
    const made = convert({ 'train-part.jsonl': '{"q":"1+1","r":2,"input":"sum"}\r\n', 'my_dev.jsonl': '{"q":"1+2","r":3}\n\n{"q":"2+2","r":4}' }, { columns: parseColumns('input=q, target=r'), name: 'Sums' })
    expect(made).toMatchObject({ dataset: 'sums', splits: { train: 1, validation: 2 } })
    expect(itemsOf(made, 'train')).toEqual([{ id: 'train-1', q: '1+1', r: 2, input: '1+1', own_input: 'sum', target: '2' }])
  })

  it('leaves rows without a question or an answer out where it is asked to, and counts them', () => {
    const made = convert({ 'a.jsonl': '{"input":"x","target":"y"}\n{"input":"","target":"y"}\n{"input":"z","target":null}' }, { skipEmpty: true })
    expect(made).toMatchObject({ splits: { test: 1 }, notes: [expect.anything(), '2 rows without "input" or "target" left out.'] })
  })

  it('takes conversations and plain texts', () => {
    expect(convert({ 'chat.jsonl': '{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"}]}' })).toMatchObject({ task: 'chat', splits: { test: 1 } })
    expect(itemsOf(convert({ 'poem.txt': 'One\ntwo\n\n \nThree\r\n\r\nFour' }), 'test').map(({ text }) => text)).toEqual(['One\ntwo', 'Three', 'Four'])
  })

  it('draws splits out of one file, the same each time, and keeps twins together', () => {
    const text = Array.from({ length: 30 }, (_, index) => JSON.stringify({ input: `text ${index % 15}`, target: `answer ${index}` })).join('\n')
    const made = convert({ 'all.jsonl': text }, { trainItems: 8, validationItems: 4 })
    expect(made.splits).toEqual({ train: 8, validation: 4, test: 18 })
    const texts = ['train', 'validation', 'test'].map((split) => new Set(itemsOf(made, split).map(({ input }) => input)))
    expect(texts.reduce((sum, { size }) => sum + size, 0)).toBe(15)
    expect(convert({ 'all.jsonl': text }, { trainItems: 8, validationItems: 4 })).toEqual(made)
    expect(() => convert({ 'all.jsonl': text }, { trainItems: 30 })).toThrow(/leave nothing to test of 30 items/)
  })
})

const squad = (context: string, qas: object[]): object => ({ title: 'T', paragraphs: [{ context: 'Before.', qas: [] }, { context, qas }] })

describe('the format of SQuAD', () => {
  const text = JSON.stringify({ data: [squad('São Paulo é 🎉 grande.', [{ id: 1, question: 'O quê?', answers: [{ text: 'grande', answer_start: 14 }, { text: 'grande', answer_start: 14 }, { text: 'é', answer_start: 10 }] }, { id: 2, question: 'Quem?', answers: [] }]), squad('Other.', [{ id: 3, question: 'What?', answers: [{ text: 'Other', answer_start: 0 }] }])] })

  it('becomes documents with gold passages at their offsets; what has no answer is counted', () => {
    const made = convert({ 'dev.json': text })
    expect(made).toMatchObject({ task: 'retrieval', splits: { validation: 2 } })
    expect(made.notes[1]).toBe('1 question without an answer is left out.')
    const documents = new Map(itemsOf(made, 'documents').map((document) => [document['id'], String(document['text'])]))
    expect([...documents.keys()]).toEqual(['T', 'T#2'])
    for (const { document, passage, start, end } of itemsOf(made, 'validation')) expect(documents.get(document)?.slice(Number(start), Number(end))).toBe(passage)
    expect(itemsOf(made, 'validation')[0]).toMatchObject({ id: '1', answer: 'grande', answers: ['grande', 'é'] })
  })

  it('asks for the words of the answer where it is asked to, counted in characters or in UTF-16 units', () => {
    const made = convert({ 'dev.json': text }, { passage: 'answer' })
    const [document] = itemsOf(made, 'documents')
    const [item] = itemsOf(made, 'validation')
    expect([item?.['passage'], String(document?.['text']).slice(Number(item?.['start']), Number(item?.['end']))]).toEqual(['grande', 'grande'])
    const other = convert({ 'dev.json': text.replaceAll('"answer_start":14', '"answer_start":2') }, { passage: 'answer' })
    expect(itemsOf(other, 'validation')[0]?.['passage']).toBe('é')
    const moved = convert({ 'dev.json': text.replaceAll('"answer_start":1', '"answer_start":2') }, { passage: 'answer' })
    expect([moved.splits, moved.notes.at(-1)]).toEqual([{ validation: 1 }, '1 question left out: no answer stands at its answer_start, word for word.'])
  })

  it('becomes questions with their paragraph', () => {
    expect(itemsOf(convert({ 'q.json': text }, { task: 'generation' }), 'test')[0]).toEqual({ id: '1', input: 'O quê?', target: 'grande', targets: ['grande', 'é'], context: 'São Paulo é 🎉 grande.', title: 'T', cluster: 'T' })
  })
})

describe('what cannot be a dataset is refused by file, line and mend', () => {
  const cases: [string, Record<string, string>, Partial<ConvertDataOptions>, RegExp][] = [
    ['broken JSON', { 'a.jsonl': '{"input":"x","target":"y"}\n{"input":' }, {}, /a\.jsonl, line 2: not JSON/],
    ['a row that is no object', { 'a.json': '[1]' }, {}, /row is a JSON object/],
    ['an empty question in a list', { 'a.json': '[{"input":"x","target":"y"},{"input":"","target":"y"}]' }, {}, /a\.json, row 2: input: is empty; correct the row, name another column/],
    ['a chat without turns', { 'a.jsonl': '{"question":"x","answer":"y"}' }, { task: 'chat' }, /line 1: messages: a chat needs a list of turns/],
    ['no column for the answer', { 'a.csv': 'pergunta,gabarito\nx,y\n' }, {}, /no column is known for the answer; there are pergunta, gabarito/],
    ['a column that is not there', { 'a.csv': 'q,a\nx,y\n' }, { columns: { input: 'question' } }, /names the column "question"; there are q, a/],
    ['an empty answer', { 'a.jsonl': '{"input":"x","target":"y"}\n{"input":"x","target":null}' }, {}, /a\.jsonl, line 2: target: is empty/],
    ['the same id twice', { 'a.jsonl': '{"id":"7","input":"x","target":"y"}\n{"id":"7","input":"z","target":"y"}' }, {}, /line 2: id: the id stands twice, also on line 1/],
    ['more cells than columns', { 'a.csv': 'input,target\nx,y,z\n' }, {}, /line 2: 3 cells, and the first line names 2/],
    ['an ending that is not known', { 'a.parquet': 'x' }, {}, /a data file ends in \.jsonl/],
    ['no rows', { 'a.jsonl': '\n' }, {}, /the split test has no rows/],
    ['files without splits in their names', { 'a.jsonl': '{}', 'b.jsonl': '{}' }, {}, /call it train, validation or test/],
    ['one label', { 'a.csv': 'input,target\nx,y\n' }, { task: 'classification' }, /the one value "y"/],
  ]
  it.each(cases)('%s', (_name, files, options, message) => expect(() => convert(files, options)).toThrow(message))

  it('bytes that are not UTF-8, and a mapping that is none', () => {
    const latin = { path: 'a.csv', bytes: bytes('input,target\nx,y\ncafé,z\n', 'latin1') }
    expect(() => convertDataFiles([latin], { columns: {}, trainItems: 0, validationItems: 0, skipEmpty: false, passage: 'paragraph' })).toThrow(/a\.csv, line 3: the line is not UTF-8/)
    expect(() => parseColumns('question')).toThrow(/is not FIELD=COLUMN/)
  })
})
