import { describe, expect, it } from 'vitest'
import { DatasetError } from './dataset-error.js'
import { ITEM_SCHEMAS, parseLine } from './items.js'
import type { DatasetTask } from '../server/contracts/index.js'

function read(task: DatasetTask, item: unknown): unknown {
  return parseLine(ITEM_SCHEMAS[task], { number: 4, text: JSON.stringify(item) }, '/data/train.jsonl')
}

function refusalOf(item: unknown): string {
  try {
    read('chat', item)
  } catch (error) {
    if (error instanceof DatasetError) return error.message
    throw error
  }
  throw new Error('the item was taken')
}

const question = { role: 'user', content: 'Hi' }
const answer = { role: 'assistant', content: 'Hello' }

describe('a conversation', () => {
  it('is read from messages; what comes before the last answer is its prompt', () => {
    const messages = [{ role: 'system', content: 'S' }, question, answer, question, { ...answer, name: 'Ana' }, question]
    expect(read('chat', { id: 'a', messages, source: 'x' })).toEqual({ id: 'a', source: 'x', messages, promptMessages: 4 })
  })

  it('is read from a prompt and a completion of messages', () => {
    expect(read('chat', { prompt: [question], completion: [answer, question, answer] })).toEqual({ id: 'train-4', messages: [question, answer, question, answer], promptMessages: 1 })
  })

  it('is read from ShareGPT, its speakers named as templates name them', () => {
    const conversations = [{ from: 'system', value: 'S' }, { from: 'human', value: 'Hi' }, { from: 'gpt', value: 'Hello' }]
    expect(read('chat', { conversations })).toEqual({ id: 'train-4', messages: [{ role: 'system', content: 'S' }, question, answer], promptMessages: 2 })
  })

  it('may hold a turn without text, as a call of a tool is', () => {
    const call = { role: 'assistant', content: null, tool_calls: [{ function: { name: 'f' } }] }
    expect(read('chat', { messages: [question, call] })).toMatchObject({ messages: [question, { ...call, content: '' }] })
  })

  it.each([
    ['no answer', { messages: [question, question] }, 'field "messages" is [{"role":"user","content":"Hi"},{"role":"user","content":"Hi"}]: no message is the assistant\'s (roles: user, user)'],
    ['a completion without an answer', { prompt: [answer], completion: [question] }, 'no message is the assistant\'s (roles: user)'],
    ['a message without a role', { messages: [question, { content: 'x' }] }, 'field "messages.1.role" is missing; add "role": … (messages.1 has "content")'],
    ['text in parts', { messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }, answer] }, 'field "messages.0.content" is [{"type":"text","text":"x"}]: expected string'],
    ['a wrong key in ShareGPT', { conversations: [{ from: 'human', text: 'x' }] }, 'field "conversations.0.value" is missing'],
    ['a prompt that is text', { prompt: 'Hi', completion: [answer] }, 'field "prompt" is "Hi": expected array'],
    ['none of the forms', { text: 'x' }, 'field "messages" is missing'],
  ])('with %s is refused by its field', (_case, item, expected) => {
    expect(refusalOf(item)).toContain(expected)
    expect(refusalOf(item)).toContain('/data/train.jsonl:4: ')
  })
})

describe('a generation item', () => {
  it('may use the names prompt and completion, and leave out its id', () => {
    expect(read('generation', { prompt: 'Q', completion: 'A' })).toEqual({ id: 'train-4', prompt: 'Q', completion: 'A', input: 'Q', target: 'A' })
    expect(read('generation', { id: 'a', input: 'x', target: 'y', prompt: 'z' })).toEqual({ id: 'a', input: 'x', target: 'y', prompt: 'z' })
  })
})
