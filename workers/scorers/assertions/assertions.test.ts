import { describe, expect, it } from 'vitest'
import type { Message } from '../../providers/chat-model.js'
import type { ScoredAnswer } from '../named-scorers.js'
import type { Subject } from './check.js'
import { ItemAssertions, type ItemVerdict } from './item-assertions.js'
import { treebankTokens } from './treebank-tokens.js'

const answered: ScoredAnswer = { answer: '', output: '', target: '', item: {}, language: 'en', latencyMs: 120, ttftMs: null, costUsd: 0.002, tokensOut: 5 }

interface Asked {
  judge?: (messages: readonly Message[]) => string
  cosine?: (left: string) => number
  scored?: Partial<ScoredAnswer>
}

function judge(assertions: unknown, output: string, { judge, cosine, scored }: Asked = {}): Promise<ItemVerdict> {
  const subject: Subject = {
    output,
    value: output,
    scored: { ...answered, ...scored, output },
    question: 'Who?',
    judge: (_grader, _given, ask) => Promise.resolve(judge?.(ask) ?? ''),
    similarity: (_embedder, left) => Promise.resolve(cosine?.(left) ?? 0),
    moderate: () => Promise.reject(new Error('not asked')),
    meanLogLikelihood: () => Promise.resolve(Math.log(0.25)),
  }
  return ItemAssertions.of({ id: 'one', assertions }, 'assertions').judge(subject)
}

const one = async (assertion: Record<string, unknown>, output: string, asked: Asked = {}) => {
  const { pass, score } = await judge({ assert: [assertion] }, output, asked)
  return [pass, score]
}

describe('assertions about a context', () => {
  const item = { id: 'one', vars: { query: 'When does it rain?', context: ['It rains in May.', 'It snows in June.'] } }
  const about = (assertion: Record<string, unknown>, replies: string[], vars: Record<string, unknown> = {}) => one(assertion, 'It rains in May.', { judge: () => replies.shift() ?? '', cosine: (left) => (left === 'When does it rain?' ? 0.8 : 0.1), scored: { item: { ...item, vars: { ...item.vars, ...vars } } } })

  it('are told by what a judge says of them', async () => {
    expect(await about({ type: 'context-faithfulness' }, ['It rains.\nIn May.', '1. so it says, verdict: yes\n2. it does, Verdict: yes'])).toEqual([1, 1])
    expect(await about({ type: 'context-recall', value: 'It rains.' }, ['It rains. [Attributed]\nA lot. [Not Attributed]'])).toEqual([1, 0.5])
    expect(await about({ type: 'context-relevance', threshold: 0.6 }, ['It rains in May.'])).toEqual([0, 0.5])
    expect(await about({ type: 'answer-relevance' }, ['When?', 'When?', 'How?'])).toEqual([1, expect.closeTo(0.8, 12)])
    expect(await about({ type: 'context-relevance', contextTransform: 'output' }, ['It rains in May.'], { context: undefined })).toEqual([1, 1])
  })

  it.each([
    [{ type: 'context-faithfulness' }, ['It rains.', 'Sure.'], 'no \\"verdict: yes\\"'],
    [{ type: 'context-recall', value: 'It rains.' }, ['All of it is there.'], 'marked no sentence'],
    [{ type: 'context-relevance' }, ['It rains a lot.'], 'quoted nothing of the context'],
    [{ type: 'context-relevance', contextTransform: 'JSON.parse(output)' }, [], 'contextTransform JSON.parse(output) fails'],
    [{ type: 'context-relevance', contextTransform: 'output.length' }, [], 'needs a context'],
    [{ type: 'answer-relevance' }, [], 'guessed no question'],
  ])('%j is not told by %j', async (assertion, replies, reason) => {
    const verdict = await judge({ assert: [assertion] }, 'It rains in May.', { judge: () => replies.shift() ?? '', scored: { item } })
    expect([verdict.score, JSON.stringify(verdict.records)]).toEqual([null, expect.stringContaining(reason)])
  })

  it('need a grader, and answer-relevance an embedder, too', () => {
    const needs = ItemAssertions.of({ id: 'one', assertions: { assert: [{ type: 'context-recall', value: 'x', grader: 'strict' }, { type: 'answer-relevance', embedder: 'large' }, { type: 'similar', value: 'x', grader: 'small' }] } }, 'assertions').needs
    expect(needs).toEqual({ graders: ['strict', 'default'], embedders: ['large', 'small'], moderators: [] })
  })
})

describe('assertions about the text', () => {
  it.each([
    [{ type: 'equals', value: 'Yarr' }, 'Yarr', 1],
    [{ type: 'equals', value: 'Yarr' }, 'yarr', 0],
    [{ type: 'equals', value: { a: [1] } }, '{"a":[1]}', 1],
    [{ type: 'equals', value: { a: 1 }, not: true }, 'no JSON', 1],
    [{ type: 'contains', value: 'é' }, 'caf\u0065\u0301', 0],
    [{ type: 'icontains', value: 'AHOY' }, 'ahoy there', 1],
    [{ type: 'contains-all', value: ['a', 'b'] }, 'a b', 1],
    [{ type: 'contains-any', value: ['x', 'b'], not: true }, 'a b', 0],
    [{ type: 'icontains-any', value: ['X', 'B'] }, 'a b', 1],
    [{ type: 'starts-with', value: 'Ahoy' }, 'Ahoy, world', 1],
    [{ type: 'regex', value: '\\d{4}' }, 'in 1999', 1],
    [{ type: 'is-json' }, '```json\n{}\n```', 0],
    [{ type: 'is-json', value: { type: 'object', required: ['a'] } }, '{"b":1}', 0],
    [{ type: 'contains-json', value: { type: 'object', required: ['a'] } }, 'Here: {"b":1} and {"a":"}"}.', 1],
    [{ type: 'contains-json', not: true }, 'none', 1],
    [{ type: 'word-count', value: { max: 3 } }, 'one two  three', 1],
    [{ type: 'word-count', value: 2 }, 'one two three', 0],
    [{ type: 'is-refusal', not: true }, '', 0],
    [{ type: 'levenshtein', value: 'kitten', threshold: 3 }, 'sitting', 1],
    [{ type: 'levenshtein', value: 'kitten', threshold: 2 }, 'sitting', 0],
  ])('%j on %j gives %i', async (assertion, output, expected) => {
    expect(await one(assertion, output)).toEqual([expected, expected])
  })

  it('scores overlap by degrees, and turns it round', async () => {
    // The value that js-rouge documents for this pair: 2 · 3 / (3 + 6).
    expect(await one({ type: 'rouge-n', value: 'the cat sat on the mat', threshold: 0.6 }, 'the cat sat')).toEqual([1, expect.closeTo(2 / 3, 12)])
    expect(await one({ type: 'rouge-n', value: 'Hello World', not: true }, 'hello world')).toEqual([0, 0])
    expect(await one({ type: 'bleu', value: 'the cat sat' }, 'the cat sat')).toEqual([1, 1])
    // Half as long as the reference, and right so far: brevity alone, exp(1 − 6/3).
    expect(await one({ type: 'bleu', value: 'the cat sat on the mat' }, 'the cat sat')).toEqual([0, expect.closeTo(Math.exp(-1), 12)])
    expect(await one({ type: 'bleu', value: ['x y', 'the cat sat'], not: true }, 'the cat sat')).toEqual([0, 0])
  })

  it('parts words as the Penn Treebank does', () => {
    expect(treebankTokens(`They'll save and "invest" more, don't they?`)).toEqual(['They', "'ll", 'save', 'and', '``', 'invest', "''", 'more', ',', 'do', "n't", 'they', '?'])
    expect(treebankTokens('It cannot cost $3,000.50 in the U.S. (or so).')).toEqual(['It', 'can', 'not', 'cost', '$', '3,000.50', 'in', 'the', 'U.S.', '(', 'or', 'so', ')', '.'])
  })
})

describe('assertions about what an answer took', () => {
  it('holds latency and cost against limits, and tells what is not known apart from a failure', async () => {
    expect(await one({ type: 'latency', threshold: 200 }, '')).toEqual([1, 1])
    expect(await one({ type: 'cost', threshold: 0.001 }, '')).toEqual([0, 0])
    const cached = await judge({ assert: [{ type: 'latency', threshold: 200 }, { type: 'contains', value: 'a' }] }, 'a', { scored: { latencyMs: null } })
    expect(cached).toMatchObject({ pass: null, score: null, records: [{ type: 'latency', pass: null, reason: expect.stringContaining('set cache to off') as string }, { pass: true }] })
    expect(await one({ type: 'perplexity', threshold: 4 }, 'x')).toEqual([1, 1])
    expect(await one({ type: 'perplexity-score', threshold: 0.3 }, 'x')).toEqual([0, 0.2])
  })
})

describe('weights and thresholds', () => {
  const two = [{ type: 'contains', value: 'a', weight: 3 }, { type: 'contains', value: 'z' }]
  it('takes the weighted mean, and passes where all hold or a threshold is reached', async () => {
    expect(await judge({ assert: two }, 'a')).toMatchObject({ pass: 0, score: 0.75 })
    expect(await judge({ assert: two, threshold: 0.75 }, 'a')).toMatchObject({ pass: 1, score: 0.75 })
    expect(await judge({ assert: [] }, 'a')).toMatchObject({ pass: 1, score: 1 })
    expect(await judge({ assert: [{ type: 'contains', value: 'z', weight: 0 }, two[0]] }, 'a')).toMatchObject({ pass: 1, score: 1 })
  })

  it('tells the metric of an assertion that has no weight, which promptfoo tells as 0', async () => {
    const verdict = await judge({ assert: [{ type: 'contains', value: 'a', weight: 0, metric: 'm' }, { type: 'contains', value: 'z' }] }, 'a')
    expect([verdict.pass, verdict.score, verdict.named.get('m')]).toEqual([0, 0, 1])
  })

  it('gives a set one place in the mean, and its metrics to the item', async () => {
    const set = { type: 'assert-set', threshold: 0.5, weight: 2, metric: 'either', assert: [{ type: 'contains', value: 'a', metric: 'has' }, { type: 'contains', value: 'z', metric: 'has' }] }
    const verdict = await judge({ assert: [set, { type: 'starts-with', value: 'a', metric: 'has' }] }, 'a')
    expect(verdict).toMatchObject({ pass: 1, score: (0.5 * 2 + 1) / 3 })
    // The set's mean of 0.5 weighs its two assertions times its own weight of 2, the other one 1.
    expect([...verdict.named]).toEqual([['either', 0.5], ['has', expect.closeTo((0.5 * 4 + 1) / 5, 12)]])
  })
})

describe('assertions that a model judges', () => {
  it('reads a verdict, its score and a threshold', async () => {
    const says = (reply: string): Asked => ({ judge: () => reply })
    expect(await one({ type: 'llm-rubric', value: 'polite' }, 'x', says('{"pass": true, "score": 0.4, "reason": "so"}'))).toEqual([1, 0.4])
    expect(await one({ type: 'llm-rubric', value: 'polite', threshold: 0.5 }, 'x', says('{"pass": true, "score": 0.4}'))).toEqual([0, 0.4])
    expect(await one({ type: 'llm-rubric', value: 'polite', not: true }, 'x', says('{"pass": false, "score": 0}'))).toEqual([1, 1])
    expect(await one({ type: 'llm-rubric', value: 'polite' }, 'x', says('Looks fine to me.'))).toEqual([null, null])
    expect(await one({ type: 'llm-rubric', value: 'polite' }, 'x', says('{"reason": "fine"}'))).toEqual([null, null])
    expect(await one({ type: 'model-graded-closedqa', value: 'names him' }, 'x', says('It does.\nY\n'))).toEqual([1, 1])
    expect(await one({ type: 'model-graded-closedqa', value: 'names him' }, 'x', says('perhaps'))).toEqual([null, null])
    expect(await one({ type: 'factuality', value: 'Ada' }, 'x', says('{"category": "D", "reason": "no"}'))).toEqual([0, 0])
    expect(await one({ type: 'factuality', value: 'Ada', categories: { A: 0.5 } }, 'x', says('(A) a part'))).toEqual([1, 0.5])
  })

  it('plans the steps of G-Eval from the criteria alone, then scores', async () => {
    const asked: string[] = []
    const score = await one({ type: 'g-eval', value: 'is brief' }, 'an answer', {
      judge: (messages) => {
        asked.push(messages.map(({ content }) => content).join('\n'))
        return asked.length === 1 ? '{"steps": ["count the words"]}' : '{"score": 8, "reason": "brief"}'
      },
    })
    expect(score).toEqual([1, 0.8])
    expect(asked[0]).not.toContain('an answer')
    expect(asked[1]).toContain('- count the words')
  })

  it('takes the nearest of several texts', async () => {
    const cosine = (left: string) => (left === 'near' ? 0.9 : 0.1)
    expect(await one({ type: 'similar', value: ['far', 'near'], threshold: 0.8 }, 'x', { cosine })).toEqual([1, 0.9])
    expect(await one({ type: 'similar', value: ['far', 'near'], threshold: 0.8, not: true }, 'x', { cosine })).toEqual([0, expect.closeTo(0.1, 12)])
  })
})

describe('scripts', () => {
  it('give true or false, a score or a verdict, and fail the answer when they throw', async () => {
    const script = (value: string, output: string, more = {}) => one({ type: 'javascript', value, ...more }, output)
    expect(await script('output.length < 5', 'abc')).toEqual([1, 1])
    expect(await script('output.length / 10', 'abc', { threshold: 0.5 })).toEqual([0, 0.3])
    expect(await script('output.length / 10', 'abc', { not: true })).toEqual([0, 0.3])
    expect(await script('({pass: output.includes("a"), score: 0.25, reason: "so"})', 'abc')).toEqual([1, 0.25])
    expect(await script('JSON.parse(output).a > 1', 'prose')).toEqual([0, 0])
    expect(await script('output', 'abc')).toEqual([0, 0])
  })

  it('read what a transform made of the answer', async () => {
    const verdict = await judge({ transform: 'JSON.parse(output)', assert: [{ type: 'javascript', value: "output.color === 'red'" }, { type: 'contains', value: '"red"' }, { type: 'equals', value: 'RED', transform: 'output.color.toUpperCase()' }] }, '{"color": "red"}')
    expect(verdict).toMatchObject({ pass: 1, score: 1 })
    expect(await judge({ transform: 'JSON.parse(output)', assert: [{ type: 'is-json' }] }, 'prose')).toMatchObject({ pass: null, records: [{ type: 'transform', reason: expect.stringContaining('fails for this answer') as string }] })
  })
})

describe('what is wrongly written', () => {
  const refused = (assertions: unknown) => () => ItemAssertions.of({ id: 'one', assertions }, 'assertions')
  it('is named with item and place', () => {
    expect(refused(undefined)).toThrow('item "one": assertions: is missing')
    expect(refused({ assert: [{ type: 'contains' }] })).toThrow('item "one": assertions.assert[0]: contains needs a text in value')
    expect(refused({ assert: [{ type: 'assert-set', assert: [{ type: 'regex', value: '(' }] }] })).toThrow('assertions.assert[0].assert[0]: regex: Invalid regular expression')
    expect(refused({ assert: [{ type: 'latency' }] })).toThrow('latency needs a threshold, or a metric')
    expect(refused({ assert: [], transform: 'new Date()' })).toThrow('is JavaScript that is not known here: new')
  })
})
