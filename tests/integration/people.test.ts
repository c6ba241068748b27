/* What people do with a comparison: narrow it, say what they think of answers, and take items along. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AnnotationList, AnswerQueue, ComparedItem, Comparison, CreatedDataset, CreatedExperiment, DatasetPage, ErrorBody, ImportAnswer, ItemFacets, PairQueue, PreferenceResult, VerdictResult } from '../../server/contracts/index.js'
import type { RunningServer } from '../../server/start.js'
import { temporaryFolder } from '../support/bancada.js'
import { startServerHere } from '../support/server-here.js'
import { twoPrompts } from '../support/two-prompts.js'

const N = 60
let home: Awaited<ReturnType<typeof temporaryFolder>>
let server: RunningServer
let a: string
let b: string

beforeAll(async () => {
  home = await temporaryFolder()
  server = await startServerHere(home.path)
  const { experiments } = await ask<ImportAnswer>('POST', '/api/import', await twoPrompts(N))
  ;[a = '', b = ''] = experiments[0]?.runs.map(({ id }) => id) ?? []
})
afterAll(async () => {
  await server.close()
  await home[Symbol.asyncDispose]()
})

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(server.url + path, { method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }) })
  const text = await response.text()
  return (text === '' ? undefined : JSON.parse(text)) as T
}
const compare = (query = ''): Promise<Comparison> => ask('GET', `/api/compare?runs=${a},${b}${query}`)
const refusal = async (method: string, path: string, body?: unknown): Promise<string> => (await ask<ErrorBody>(method, path, body)).error.message

it('tells the finding in Portuguese too', async () => {
  expect((await compare()).sentence).toMatch(/^template="Spam or ham\?" and template="Label this e-mail:" are not distinguishable on Accuracy: difference \+13\.3 points/)
  expect((await compare('&lang=pt')).sentence).toMatch(/não se distinguem em Acurácia: diferença de \+13,3 pontos \(intervalo de 95 %: −?\d+,\d a \d+,\d; n = 60 itens pareados; p = 0,\d{3}, teste de permutação\)/)
})

it('narrows the items by what stands in the answers', async () => {
  const { examples, totalExamples } = await compare('&show=a-better&limit=3')
  expect(totalExamples).toBe(8)
  const [first] = examples
  expect((await compare(`&text=${first?.itemId}`)).totalExamples).toBe(1)
  const [spam, ham] = await Promise.all(['spam', 'ham'].map(async (target) => (await compare(`&target=${target}`)).totalExamples))
  expect(Number(spam) + Number(ham)).toBe(N)
  // The answers of B alone are that long.
  expect((await compare('&minLength=30')).totalExamples).toBe(N)
  expect((await compare('&minLength=300')).totalExamples).toBe(0)
  expect(await ask<ItemFacets>('GET', `/api/compare/facets?runs=${a},${b}`)).toMatchObject({ targets: expect.arrayContaining(['spam', 'ham']), tags: [] })
  const item = await ask<ComparedItem>('GET', `/api/compare/items/${first?.itemId}?runs=${b},${a}`)
  expect(item.answers.map(({ runId, example }) => [runId, example.output.startsWith('It is')])).toEqual([[b, true], [a, false]])
  expect(await refusal('GET', `/api/compare/items/none?runs=${a}`)).toContain('None of these runs has an answer to the item "none"')
})

it('keeps what people say of answers, and makes a metric of it', async () => {
  const { examples } = await compare('&limit=20')
  const say = (runId: string, itemId: string, annotator: string, said: object) => expect(ask('PUT', '/api/annotations', { runId, itemId, annotator, ...said })).resolves.toBeUndefined()
  for (const [index, { itemId }] of examples.entries()) {
    await say(b, itemId, 'Ana', { verdict: 'good' })
    await say(a, itemId, 'Ana', { verdict: index < 12 ? 'bad' : 'good', tags: index === 0 ? ['rude', 'rude'] : [], comment: index === 0 ? 'no' : '' })
  }
  const itemId = examples[0]?.itemId ?? ''
  await say(a, itemId, 'Rui', { verdict: 'good' })
  const human = await compare('&metric=human')
  expect(human.metrics).toEqual(['accuracy', 'human'])
  expect(human.tests).toMatchObject([{ runId: b, n: 20, wins: 12, losses: 0, verdict: 'better' }])
  expect(human.examples.find((example) => example.itemId === itemId)?.cells[a]?.score).toBe(0.5)
  expect((await compare('&annotated=bad')).totalExamples).toBe(12)
  expect((await compare('&annotated=none')).totalExamples).toBe(N - 20)
  expect((await compare('&tag=rude')).totalExamples).toBe(1)
  await say(a, itemId, 'Rui', {})
  // A verdict alone leaves tags and comment as they were.
  await say(a, itemId, 'Ana', { verdict: 'good' })
  await say(a, itemId, 'Ana', { verdict: 'bad' })
  expect((await ask<AnnotationList>('GET', `/api/annotations?runs=${a}&item=${itemId}`)).annotations).toMatchObject([{ annotator: 'Ana', verdict: 'bad', tags: ['rude'], comment: 'no' }])
  expect(await refusal('PUT', '/api/annotations', { runId: a, itemId: 'none', annotator: 'Ana', verdict: 'bad' })).toContain(`has no answer to the item "none"`)
  expect(await refusal('PUT', '/api/annotations', { runId: a, itemId, annotator: ' ', verdict: 'bad' })).toContain('annotator')
})

it('makes a dataset of the items shown, which the next experiment can name', async () => {
  const request = { name: 'spam-a-right', runs: `${a},${b}`, show: 'a-better' }
  const { dataset, items } = await ask<CreatedDataset>('POST', '/api/compare/dataset', request)
  expect([items, dataset.sizes['test'], dataset.hash.length]).toEqual([8, 8, 64])
  expect(dataset.sizes['train']).toBeGreaterThan(0)
  const page = await ask<DatasetPage>('GET', '/api/datasets/spam-a-right?split=test')
  expect(page.items.map(({ id }) => id).sort()).toEqual((await compare('&show=a-better')).examples.map(({ itemId }) => itemId).sort())
  const created = await ask<CreatedExperiment>('POST', '/api/experiments', { name: 'Again', kind: 'prompt', dataset: 'spam-a-right', axes: { shots: [0, 1] } })
  expect(created.runs).toHaveLength(2)
  expect(await refusal('POST', '/api/compare/dataset', request)).toContain('There is a dataset "spam-a-right" already')
  expect(await refusal('POST', '/api/compare/dataset', { ...request, name: 'Bad Name' })).toContain('use lower-case letters')
  expect(await refusal('POST', '/api/compare/dataset', { ...request, name: 'empty', text: 'nowhere to be found' })).toContain('No item matches')
})

it('asks blindly which answer is better, and goes on where a person stopped', async () => {
  const queue = (annotator: string, limit = 50): Promise<PairQueue> => ask('GET', `/api/review/pairs?a=${a}&b=${b}&annotator=${annotator}&limit=${limit}`)
  const first = await queue('Ana')
  expect(first).toMatchObject({ total: N, done: 0 })
  expect(first.pairs).toHaveLength(50)
  expect((await queue('Rui')).pairs.map(({ itemId }) => itemId)).toEqual(first.pairs.map(({ itemId }) => itemId))
  // Neither names nor what is peculiar to one prompt; and each side is taken about as often.
  for (const word of ['Label this', 'Spam or ham', a, b]) expect(JSON.stringify(first)).not.toContain(word)
  const isB = (text: string): boolean => text.startsWith('It is')
  const onLeft = first.pairs.filter(({ left }) => isB(left)).length
  expect(onLeft).toBeGreaterThan(10)
  expect(onLeft).toBeLessThan(40)
  for (const { itemId, left } of first.pairs.slice(0, 12)) {
    const revealed = await ask('POST', '/api/review/pairs', { a, b, itemId, annotator: 'Ana', choice: isB(left) ? 'left' : 'right' })
    expect(revealed).toEqual(isB(left) ? { left: b, right: a } : { left: a, right: b })
  }
  // Named the other way round it is the same pair.
  const [tied] = first.pairs.slice(12)
  await ask('POST', '/api/review/pairs', { a: b, b: a, itemId: tied?.itemId, annotator: 'Ana', choice: 'tie' })
  expect(await queue('Ana', 1)).toMatchObject({ done: 13, pairs: [{ itemId: first.pairs[13]?.itemId }] })
  await ask('DELETE', `/api/review/pairs?a=${a}&b=${b}&annotator=Ana&itemId=${tied?.itemId}`)
  expect(await queue('Ana', 1)).toMatchObject({ done: 12, pairs: [{ itemId: tied?.itemId }] })

  const result = await ask<PreferenceResult>('GET', `/api/review/pairs/result?a=${a}&b=${b}`)
  expect(result).toMatchObject({ n: 12, wins: 12, losses: 0, share: 1, identical: 0, agreement: null })
  expect(result.sentence).toMatch(/^People prefer template="Spam or ham\?" to template="Label this e-mail:": 100\.0 % for/)
  expect((await ask<PreferenceResult>('GET', `/api/review/pairs/result?a=${b}&b=${a}`))).toMatchObject({ wins: 0, losses: 12, share: 0 })
  const lines = (await (await fetch(`${server.url}/api/review/pairs/votes.csv?a=${a}&b=${b}`)).text()).trim().split('\n')
  expect([lines[0], lines.length]).toEqual(['item,annotator,preferred,left,time', 13])
  expect(await refusal('GET', `/api/review/pairs?a=${a}&b=${a}&annotator=Ana`)).toContain('cannot be held against itself')
  expect(await refusal('POST', '/api/review/pairs', { a, b, itemId: 'none', annotator: 'Ana', choice: 'left' })).toContain('have not both answered')
})

it('asks whether answers of one run are good', async () => {
  const queue = await ask<AnswerQueue>('GET', `/api/review/answers?run=${b}&annotator=Eva&limit=5`)
  expect([queue.total, queue.done, queue.answers.length]).toEqual([N, 0, 5])
  for (const { itemId } of queue.answers) await ask('PUT', '/api/annotations', { runId: b, itemId, annotator: 'Eva', verdict: 'bad' })
  expect(await ask('GET', `/api/review/answers?run=${b}&annotator=Eva&limit=1`)).toMatchObject({ done: 5 })
  const result = await ask<VerdictResult>('GET', `/api/review/answers/result?run=${b}`)
  expect(result).toMatchObject({ votes: 25, annotators: [{ name: 'Ana', answered: 20 }, { name: 'Eva', answered: 5 }] })
  expect((await (await fetch(`${server.url}/api/annotations/annotations.csv?runs=${b}`)).text()).trim().split('\n')).toHaveLength(26)
  expect(await refusal('GET', '/api/review/answers?run=none&annotator=Eva')).toContain('There is no run "none"')
})
