import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { AppError, type Problem } from '../server/contracts/index.js'
import { datasetProblems } from './cell-rules.js'
import { expandRuns } from './expand.js'
import { parseExperiment } from './spec.js'

const options = { format: 'yaml', datasets: ['sms-pt', 'sotu'] } as const

function refused(text: string, format: 'yaml' | 'json' = 'yaml'): AppError {
  try {
    parseExperiment(text, { ...options, format })
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('it was accepted')
}

function problems(text: string): Problem[] {
  const error = refused(text)
  expect(error.code).toBe('invalid_spec')
  return error.problems ?? []
}

const head = 'name: ranks\nkind: lora\ndataset: sms-pt\n'

describe('parseExperiment', () => {
  it('reads a whole file and adds no parameters to it', () => {
    const spec = parseExperiment(`${head}model: nano-pt-en\naxes:\n  rank: [1, 4]\n  learningRate: {from: 1.0e-4, to: 1.0e-2, count: 3, scale: log}\nfixed:\n  epochs: 2\nmetrics: [accuracy, loss]\nbudget: {minutes: 3}\ntags: [a]\n`, options)
    expect(spec).toEqual({
      strategy: 'grid',
      name: 'ranks',
      kind: 'lora',
      dataset: 'sms-pt',
      model: 'nano-pt-en',
      axes: { rank: [1, 4], learningRate: { from: 1e-4, to: 1e-2, count: 3, scale: 'log' } },
      fixed: { epochs: 2 },
      metrics: ['accuracy', 'loss'],
      repeats: 1,
      seed: 42,
      budget: { minutes: 3 },
      tags: ['a'],
      notes: '',
    })
  })

  it('reads JSON, tabs and all', () => {
    expect(parseExperiment('{\n\t"name": "a",\n\t"kind": "rag",\n\t"dataset": "sotu"\n}', { ...options, format: 'json' }).kind).toBe('rag')
    expect(refused('{"name": "a",\n "kind": "rag"\n "dataset": "sotu"}', 'json')).toMatchObject({ message: expect.stringContaining('not valid JSON on line'), problems: [{ line: 3 }] })
  })

  it('names line and column of malformed YAML', () => {
    expect(problems('name: a\nkind: [lora\ndataset: b\n')).toEqual([{ path: '', line: 3, message: expect.stringContaining('column') }])
    expect(problems('name: a\nname: b\n')[0]).toMatchObject({ line: 2, message: 'the same key stands twice in one mapping (column 1)' })
    expect(problems('name: !!js/function x\n')[0]).toMatchObject({ line: 1 })
    expect(problems('- 1')[0]).toMatchObject({ message: expect.stringContaining('mapping with the keys') })
    expect(problems('')[0]).toMatchObject({ path: '' })
  })

  it('is not brought down by bombs', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]', ...'bcdefgh'.split('').map((key, index) => `${key}: &${key} [${Array.from({ length: 9 }, () => `*${'abcdefg'[index] ?? 'a'}`).join(',')}]`)].join('\n')
    expect(refused(bomb).message).toContain('alias')
    expect(refused('['.repeat(50_000)).message).toContain('nested too deeply')
    expect(refused(`notes: ${'x'.repeat(200_001)}`).message).toContain('at most 200000')
  })

  it('names an unknown key and the nearest one', () => {
    expect(problems(`${head}axis:\n  rank: [1]\n`)).toEqual([{ path: 'axis', line: 4, message: 'unknown key axis; did you mean axes?', seen: 'axis', allowed: expect.stringContaining('axes') }])
    expect(problems(`${head}budget:\n  minutes: 1\n  dollars: 2\n`)[0]).toMatchObject({ path: 'budget.dollars', line: 6 })
  })

  it('names a wrong type, a missing key and an unknown kind', () => {
    expect(problems(`${head}repeats: many\n`)).toEqual([{ path: 'repeats', line: 4, message: '"many" is refused: a value of type number', seen: '"many"', allowed: 'a value of type number' }])
    expect(problems('kind: lora\ndataset: sms-pt\n')).toEqual([{ path: 'name', line: 1, message: 'is missing', seen: 'nothing', allowed: 'a value of type string' }])
    expect(problems('name: a\nkind: loar\ndataset: b\n')).toEqual([{ path: 'kind', line: 2, message: 'there is no kind "loar"; did you mean lora?', seen: '"loar"', allowed: 'prompt, lora, rag, pretrain' }])
  })

  it('lists the datasets that exist', () => {
    expect(problems('name: a\nkind: lora\ndataset: sms-br\n')).toEqual([{ path: 'dataset', line: 3, message: 'there is no dataset sms-br; did you mean sms-pt?', seen: 'sms-br', allowed: 'sms-pt, sotu' }])
  })

  it('checks every value of an axis by the parameter’s own rule', () => {
    expect(problems(`${head}axes:\n  rank:\n    - 4\n    - 0\n    - eight\n`)).toEqual([
      { path: 'axes.rank[1]', line: 7, message: '0 is refused: at least 1', seen: '0', allowed: 'at least 1' },
      { path: 'axes.rank[2]', line: 8, message: '"eight" is refused: a value of type number', seen: '"eight"', allowed: 'a value of type number' },
    ])
    expect(problems(`${head}axes:\n  rank: {from: 1, to: 2, step: 0.5}\n`)[0]).toMatchObject({ path: 'axes.rank', line: 5, message: '1.5 is refused: a whole number' })
    expect(problems(`${head}axes:\n  schedule: [cosine, cosin]\n`)[0]).toMatchObject({ path: 'axes.schedule[1]', allowed: 'one of linear, cosine, constant' })
  })

  it('refuses axes that are empty, no list, twice the same or not of the kind', () => {
    expect(problems(`${head}axes:\n  rank: []\n`)[0]).toMatchObject({ path: 'axes.rank', line: 5, message: 'the axis is empty; give at least one value' })
    expect(problems(`${head}axes:\n  rank: 4\n`)[0]).toMatchObject({ path: 'axes.rank', message: 'an axis is a list of values or a range; for one value write [4] or put it in fixed' })
    expect(problems(`${head}axes:\n  rank: [4, 4]\n`)[0]).toMatchObject({ path: 'axes.rank[1]' })
    expect(problems(`${head}axes:\n  rnak: [4]\n`)[0]).toMatchObject({ path: 'axes.rnak', message: 'a lora run has no parameter rnak; did you mean rank?', allowed: expect.stringContaining('learningRate') })
    expect(problems(`${head}axes:\n  rank: {from: 1, too: 4}\n`)).toEqual(expect.arrayContaining([expect.objectContaining({ path: 'axes.rank.too', message: 'unknown key too; did you mean to?' })]))
    expect(problems(`${head}axes: [rank]\n`)[0]).toMatchObject({ path: 'axes', line: 4 })
  })

  it('refuses a parameter that is given twice, and a model for a kind without one', () => {
    expect(problems(`${head}axes:\n  rank: [4]\nfixed:\n  rank: 8\n`)[0]).toMatchObject({ path: 'axes.rank', line: 5, message: 'rank is both fixed and an axis; it can be only one of them' })
    expect(problems(`${head}model: a\nfixed:\n  model: b\n`)[0]).toMatchObject({ path: 'fixed.model', line: 6 })
    expect(problems('name: a\nkind: rag\ndataset: sotu\nmodel: b\n')[0]).toMatchObject({ path: 'model', message: 'a rag run has no model' })
    expect(problems(`${head}fixed:\n  rang: 4\n`)[0]).toMatchObject({ path: 'fixed.rang', message: 'a lora run has no parameter rang; did you mean rank?' })
  })

  it('counts the cells of a sweep that is too large', () => {
    expect(problems(`${head}repeats: 2\naxes:\n  rank: {from: 1, to: 100, step: 1}\n  learningRate: {from: 0.001, to: 0.1, step: 0.001}\n`)[0]).toMatchObject({
      path: 'axes',
      line: 5,
      message: 'the sweep has 20000 runs (rank 100 × learningRate 100 × repeats 2); at most 10000 are allowed',
    })
    expect(problems(`${head}axes:\n  learningRate: {from: 0, to: 1, step: 1.0e-9}\n`)[0]?.message).toContain('1000000001 values')
  })

  it('checks the parameters of every cell together', () => {
    const rag = 'name: a\nkind: rag\ndataset: sotu\naxes:\n  chunkSize: [200, 400]\n  chunkOverlap: [0, 200, 400]\n'
    expect(problems(rag)).toEqual([{ path: 'axes.chunkOverlap', line: 6, message: 'chunkOverlap 200 must be less than chunkSize 200 in the cell chunkSize=200, chunkOverlap=200 (and in 2 more cells)' }])
    expect(problems('name: a\nkind: pretrain\ndataset: sotu\nfixed: {hiddenSize: 250}\n')[0]).toMatchObject({ message: 'hiddenSize 250 is not a multiple of heads 8' })
  })

  it('checks metrics by kind, and the form of run references', () => {
    expect(problems(`${head}metrics: [accuracy, ndcg]\n`)[0]).toMatchObject({ path: 'metrics[1]', message: 'a lora run has no metric ndcg' })
    expect(problems(`${head}metrics: [acuracy]\n`)[0]).toMatchObject({ message: 'there is no metric acuracy; did you mean accuracy?' })
    expect(problems(`${head}axes:\n  model: ["run:x@last"]\n`)[0]).toMatchObject({ path: 'axes.model[0]', allowed: expect.stringContaining('run:ID@STEP') })
    expect(parseExperiment(`${head}model: run:abc-1@40\n`, options).model).toBe('run:abc-1@40')
  })

  it('checks an endpoint field by field', () => {
    const text = 'name: a\nkind: prompt\ndataset: sms-pt\nmodel:\n  provider: openai\n  baseUrl: ftp://x\n  model: m\n  apikey: x\n'
    expect(problems(text)).toEqual(expect.arrayContaining([expect.objectContaining({ path: 'model.baseUrl', line: 6, allowed: 'an http or https address' }), expect.objectContaining({ path: 'model.apikey', line: 8 })]))
  })
})

describe('what no decoder or database can hold', () => {
  const prompt = 'name: a\nkind: prompt\ndataset: sms-pt\n'
  it.each([
    ['an alias of itself', `${prompt}fixed: &f\n  stop: *f\n`, /an alias holds itself/],
    ['an alias of itself further in', `${prompt}fixed: {model: {provider: openai, baseUrl: "http://h/v1", model: m, extraBody: &e {a: *e}}}\n`, /an alias holds itself/],
    ['a character of another encoding', 'name: caf\uFFFD\n', /on line 1: a character is not UTF-8/],
    ['NUL', `${prompt}notes: "a\\0b"\n`, /the character NUL/],
    ['half of a surrogate pair', `${prompt}notes: "a\\uD800b"\n`, /a lone surrogate/],
  ])('%s', (_name, text, message) => expect(refused(text).message).toMatch(message))

  it('takes one value that two aliases name', () => {
    expect(parseExperiment(`${prompt}axes:\n  stop: [&s [x], [y, z]]\nfixed:\n  shotIds: *s\n`, options).fixed).toEqual({ shotIds: ['x'] })
  })
})

describe('where a name is not known', () => {
  const prompt = 'name: a\nkind: prompt\ndataset: sms-pt\n'
  it.each([
    ['a parameter at the top', `${prompt}limit: 3\n`, { path: 'limit', message: 'limit is a parameter of the run: write it under fixed, or several values of it under axes' }],
    ['a parameter with a slip', `${prompt}limt: 3\n`, { path: 'limt', message: 'unknown key limt; did you mean limit?' }],
    ['a limit that is none', `${prompt}budget: {euros: 3}\n`, { path: 'budget.euros', allowed: 'minutes, usd, calls' }],
    ['a provider', `${prompt}model: {provider: opanai, baseUrl: "http://h/v1", model: m}\n`, { path: 'model.provider', message: '"opanai" is refused: it is not known here; did you mean openai?' }],
    ['a number that is none', `${prompt}fixed: {temperature: .nan}\n`, { path: 'fixed.temperature', seen: 'NaN' }],
    ['chunks that overlap whole', `${prompt}fixed: {retrieve: {chunkSize: 100, chunkOverlap: 100}}\n`, { path: 'fixed.retrieve.chunkOverlap', message: '100 is refused: it must be less than chunkSize' }],
    ['a deadline beyond what a timer holds', `${prompt}fixed: {timeoutSeconds: 1.0e+12}\n`, { path: 'fixed.timeoutSeconds', allowed: 'at most 86400' }],
  ])('%s', (_name, text, problem) => expect(problems(text)).toMatchObject([problem]))
})

describe('datasetProblems', () => {
  const info = { name: 'sms-pt', task: 'classification', splits: { train: 'a', test: 'b' } } as const

  it('tells a dataset for another task, and splits that it lacks', () => {
    const rag = parseExperiment('name: a\nkind: rag\ndataset: sms-pt\n', options)
    expect(datasetProblems(rag, info)[0]?.message).toBe('a rag run needs a dataset for retrieval; sms-pt is for classification')
    expect(datasetProblems(parseExperiment(head, options), info)).toEqual([{ path: 'dataset', message: 'sms-pt has no split validation', seen: 'validation', allowed: 'train, test' }])
    const prompt = parseExperiment('name: a\nkind: prompt\ndataset: sms-pt\nfixed: {split: dev}\n', options)
    const reader = parseExperiment('name: a\nkind: prompt\ndataset: sms-pt\naxes: {retrieve: [{k: 1}, {k: 2}]}\n', options)
    expect(datasetProblems(reader, info)[0]).toMatchObject({ path: 'axes.retrieve', message: 'only a dataset for retrieval has documents; sms-pt is for classification' })
    expect(datasetProblems(prompt, info)).toEqual([{ path: 'fixed.split', message: 'sms-pt has no split dev', seen: 'dev', allowed: 'train, test' }])
  })

  it('refuses an accuracy where there are neither labels nor choices', () => {
    const asked = (fixed: string): Problem[] => datasetProblems(parseExperiment(`name: a\nkind: prompt\ndataset: sms-pt\nmetrics: [exact_match, accuracy]\nfixed: {${fixed}}\n`, options), { ...info, task: 'generation' })
    expect(asked('')).toMatchObject([{ path: 'metrics[1]', seen: 'accuracy', message: expect.stringContaining('only a dataset with labels') }])
    expect(asked('choices: options')).toEqual([])
  })

  it('takes conversations and texts for fine-tuning, which have no accuracy to choose by', () => {
    const lora = (rest: string): ReturnType<typeof datasetProblems> => datasetProblems(parseExperiment(`name: a\nkind: lora\ndataset: sms-pt\n${rest}`, options), { ...info, task: 'chat', splits: { ...info.splits, validation: 'c' } })
    expect(lora('')).toEqual([])
    expect(lora('axes: {bestMetric: [loss, accuracy]}\n')).toEqual([{ path: 'axes.bestMetric', message: 'only a dataset with labels has an accuracy; sms-pt is for chat', seen: 'accuracy', allowed: 'loss, token_accuracy' }])
  })
})

describe('the files that ship', () => {
  const folder = new URL('.', import.meta.url)
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'))

  it.each(files)('%s is accepted', (file) => {
    // The corpus of the base model is gathered by a recipe and does not ship.
    const datasets = [...readdirSync(new URL('../datasets', folder)), 'nano-pt-en-corpus']
    const spec = parseExperiment(readFileSync(new URL(file, folder), 'utf8'), { format: 'yaml', datasets })
    expect(new Set(expandRuns(spec).map(({ name }) => name)).size).toBe(expandRuns(spec).length)
  })
})
