import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { EndpointSchema } from '../../server/contracts/index.js'
import { answersJson, chatAnswers, endpointThat, fails } from '../fixtures/model-endpoint.js'
import { CallFailed, type ChatModel, type CompletionRequest } from './chat-model.js'
import { CallGate } from './gate.js'
import { openEmbeddings, openEndpoint, type OpenEndpointOptions } from './open-endpoint.js'

const ask = (content: string, more: Partial<CompletionRequest> = {}): CompletionRequest => ({ messages: [{ role: 'user', content }], maxTokens: 8, temperature: 0, stop: [], seed: 1, ...more })

async function folderForTest(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bancada-recordings-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

const optionsWith = (recordingsFolder: string): OpenEndpointOptions => ({ env: {}, concurrency: 4, timeoutMs: 2_000, mostTries: 1, firstPauseMs: 1, gateFor: () => new CallGate(8), recordingsFolder })
const open = (folder: string, more: Record<string, unknown> = {}): Promise<ChatModel> => openEndpoint(EndpointSchema.parse({ provider: 'recorded', file: 'spam.jsonl', model: 'tiny', ...more }), optionsWith(folder))

test('records what it has to ask, and replays it without the endpoint', async () => {
  const folder = await folderForTest()
  const { baseUrl, bodies } = await endpointThat(chatAnswers)
  const recording = await open(folder, { record: { provider: 'openai', baseUrl, model: 'tiny' } })
  const first = await recording.complete(ask('a'))
  await recording.complete(ask('a'))
  // Where nothing is drawn a seed changes nothing.
  await recording.complete(ask('a', { seed: 2 }))
  expect(bodies).toHaveLength(1)
  await recording.complete(ask('a', { seed: 2, temperature: 1 }))
  await recording.close()
  expect(bodies).toHaveLength(2)
  expect((await readFile(join(folder, 'spam.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(2)

  const replay = await open(folder)
  expect(await replay.complete(ask('a'))).toEqual(first)
  const missing = await replay.complete(ask('b')).catch((error: unknown) => error)
  expect(missing).toBeInstanceOf(CallFailed)
  expect(missing).toMatchObject({ message: expect.stringMatching(/spam\.jsonl has no reply for this prompt \(hash [0-9a-f]{64}\)/) as string })
})

test('half a line at the end is what a killed recorder leaves; a bad line elsewhere is named', async () => {
  const folder = await folderForTest()
  const { baseUrl } = await endpointThat(chatAnswers)
  const recording = await open(folder, { record: { provider: 'openai', baseUrl, model: 'tiny' } })
  await recording.complete(ask('a'))
  await recording.close()
  await appendFile(join(folder, 'spam.jsonl'), '{"hash": "ab')
  expect(await (await open(folder)).complete(ask('a'))).toMatchObject({ text: 'spam' })
  await appendFile(join(folder, 'spam.jsonl'), '\n{}\n')
  await expect(open(folder)).rejects.toMatchObject({ code: 'recording_invalid', message: expect.stringContaining('spam.jsonl:2') as string })
  await expect(open(folder, { file: 'other.jsonl' })).rejects.toMatchObject({ code: 'recording_missing' })
})

test('a file name cannot leave the folder', () => {
  expect(EndpointSchema.safeParse({ provider: 'recorded', file: '../x.jsonl', model: 'm' }).success).toBe(false)
})

test('embeddings come in the order of the texts, all of one length', async () => {
  const embed = (texts: string[]): unknown => ({ data: texts.map((text, index) => ({ index, embedding: [text.length, 1] })).reverse(), usage: { prompt_tokens: texts.length } })
  const endpoint = await endpointThat((incoming, response) => answersJson(embed(endpoint.bodies.at(-1)?.['input'] as string[]))(incoming, response))
  const model = openEmbeddings({ provider: 'openai', api: 'chat', baseUrl: endpoint.baseUrl, model: 'vectors' }, optionsWith(''))
  const texts = Array.from({ length: 7 }, (_, index) => 'x'.repeat(index))
  const { vectors, tokensIn, tokensOut, tries } = await model.embed(texts)
  expect(vectors.map(([length]) => length)).toEqual(texts.map(({ length }) => length))
  expect([tokensIn, tokensOut, tries, endpoint.requests.map(({ url }) => url)]).toEqual([7, 0, 1, ['/v1/embeddings']])
})

test.each([
  ['too few', { data: [{ index: 1, embedding: [1] }] }, 'fewer embeddings than texts'],
  ['unequal', { data: [{ index: 0, embedding: [1] }, { index: 1, embedding: [1, 2] }] }, 'an embedding of 2 numbers after one of 1'],
])('%s embeddings are refused', async (_, answer, message) => {
  const { baseUrl } = await endpointThat(answersJson(answer))
  await expect(openEmbeddings({ provider: 'openai', api: 'chat', baseUrl, model: 'vectors' }, optionsWith('')).embed(['a', 'b'])).rejects.toThrow(message)
})

test('an embeddings endpoint that refuses is told in its words', async () => {
  const { baseUrl } = await endpointThat(fails(404, 'no such model'))
  await expect(openEmbeddings({ provider: 'openai', api: 'chat', baseUrl, model: 'vectors' }, optionsWith('')).embed(['a'])).rejects.toThrow('no such model')
})
