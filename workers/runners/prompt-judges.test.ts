/* Judges of a prompt run over real endpoints on this machine: several of them, between two answers, and held to people. */
import { describe, expect, test } from 'vitest'
import { PromptParametersSchema, type Example, type Summary } from '../../server/contracts/index.js'
import { CountingEndpoint } from '../../tests/support/counting-endpoint.js'
import { chatEndpoint, mails, promptRun } from '../fixtures/prompt-run.js'
import { contextWith, type TestDataset } from '../fixtures/run-context.js'
import { writeTinyModel } from '../fixtures/tiny-model.js'
import { runPrompt } from './prompt.js'

const model = (baseUrl: string, name = 'judge') => ({ provider: 'openai', baseUrl, model: name, price: { inputPerMillion: 2, outputPerMillion: 10 } })
const verdict = (score: number): string => JSON.stringify({ reason: 'so it is', score })
/** Number of the mail that a judge's prompt is about. */
const mailIn = (prompt: string): number => Number(/mail (\d+)/.exec(prompt)?.[1])

async function judgedRun(scorers: Record<string, unknown>, more: { answer?: (prompt: string) => string; dataset?: TestDataset; metrics?: string[] } = {}): Promise<{ summary: Summary; examples: Example[]; logs: string[] }> {
  const { baseUrl } = await chatEndpoint(more.answer ?? (() => 'ham'))
  const { context, reported } = await promptRun(baseUrl, { scorers }, { dataset: more.dataset ?? mails, assignment: { metrics: more.metrics ?? Object.keys(scorers) } })
  return { summary: await runPrompt(context), examples: reported.examples, logs: reported.logs }
}

describe('several judges', () => {
  test('give their median, and how far they agree is told', async () => {
    const strict = await chatEndpoint((prompt) => verdict(mailIn(prompt) < 5 ? 1 : 5))
    const mild = await chatEndpoint(() => verdict(5))
    const odd = await chatEndpoint((prompt) => (mailIn(prompt) === 9 ? 'Fine with me.' : verdict(mailIn(prompt) < 2 ? 1 : 5)))
    const tone = { type: 'judge', model: model(strict.baseUrl, 'strict'), others: [model(mild.baseUrl, 'mild'), model(odd.baseUrl, 'odd')], rubric: 'Polite about {{ input }}' }
    const { summary, examples } = await judgedRun({ tone })
    expect(summary.metrics['tone']).toMatchObject({ n: 10, mean: 0.8, method: 'wilson' })
    expect(summary.judges?.['tone']).toMatchObject({ judges: ['strict', 'mild', 'odd'], panel: { n: 10, unanimous: 5, alpha: expect.any(Number) as number } })
    expect(examples.find(({ itemId }) => itemId === 'test-9')?.details['verdicts']).toEqual({
      tone: [{ model: 'strict', score: 1, reason: 'so it is' }, { model: 'mild', score: 1, reason: 'so it is' }, { model: 'odd', problem: 'the judge did not reply with {"reason", "score"}: "Fine with me."' }],
    })
  })

  test('of whom most give prose leave the item unscored, with the words of each', async () => {
    const prose = await chatEndpoint(() => 'Fine.')
    const mild = await chatEndpoint(() => verdict(5))
    const { summary, examples } = await judgedRun({ tone: { type: 'judge', model: model(mild.baseUrl, 'mild'), others: [model(prose.baseUrl, 'prose')], rubric: 'Polite' } }, { metrics: ['accuracy'] })
    expect(summary.metrics['tone']).toBeUndefined()
    expect(summary.metrics['accuracy']?.n).toBe(10)
    expect(examples[0]?.details['unscored']).toEqual({ tone: 'prose: the judge did not reply with {"reason", "score"}: "Fine."' })
  })
})

describe('a judge between two answers', () => {
  const letters = (prompt: string): { a: string; b: string } => ({ a: /ANSWER A [^\n]*\n<<<\n(.*?)\n>>>/s.exec(prompt)?.[1] ?? '', b: /ANSWER B [^\n]*\n<<<\n(.*?)\n>>>/s.exec(prompt)?.[1] ?? '' })
  const better = (letter: string): string => JSON.stringify({ reason: 'more to the point', better: letter })

  test('is asked in both orders; a verdict that changes with the order is a tie and is counted', async () => {
    // Spam is the better word, but late mails tire this judge: it takes whatever comes first.
    const judge = await chatEndpoint((prompt) => better(mailIn(prompt) < 8 && letters(prompt).b === 'spam' ? 'B' : 'A'))
    const { summary, examples } = await judgedRun({ duel: { type: 'pairwise', model: model(judge.baseUrl), criterion: 'Which warns of {{ input }}?' } }, { answer: (prompt) => (/[06789]/.test(prompt) ? 'spam' : 'ham') })
    // Targets: spam for mails 0 to 3. Ours: spam for 0 and 6 to 9. Nobody is asked about answers that are the same.
    expect(judge.prompts).toHaveLength(14)
    expect(summary.judges?.['duel']).toEqual({ judges: ['judge'], pairwise: { wins: 2, losses: 3, ties: 5, inconsistent: 2 } })
    expect(summary.metrics['duel']).toMatchObject({ n: 10, mean: expect.closeTo(0.45, 12) as number })
    expect(examples.find(({ itemId }) => itemId === 'test-8')).toMatchObject({ scores: { duel: 0.5 }, details: { verdicts: { duel: [{ outcome: 'tie', isConsistent: false }] } }, judgeCostUsd: expect.closeTo(0.0006, 12) as number })
  })

  test('leaves the item unscored when one of the two replies is prose, and refuses a field that is not there', async () => {
    const judge = await chatEndpoint((prompt) => (letters(prompt).a === 'ham' ? better('A') : 'The second, I think.'))
    const { summary, examples } = await judgedRun({ duel: { type: 'pairwise', model: model(judge.baseUrl), criterion: 'Better?' } }, { metrics: ['accuracy'] })
    expect(summary.metrics['duel']).toMatchObject({ n: 6, mean: 0.5, unscored: 4 })
    expect(examples.find(({ itemId }) => itemId === 'test-1')?.details['unscored']).toEqual({ duel: expect.stringContaining('did not reply with {"reason", "better": A, B or tie}: "The second, I think."') as string })
    await expect(judgedRun({ duel: { type: 'pairwise', model: model(judge.baseUrl), criterion: 'Better?', against: { field: 'gold' } } })).rejects.toThrow('scorers.duel.against: item "test-0" has no text in the field "gold"')
  })

  test('holds answers against those of another run', async () => {
    const judge = await chatEndpoint((prompt) => better(letters(prompt).a === 'ham' ? 'A' : 'B'))
    const { baseUrl } = await chatEndpoint(() => 'ham')
    const scorers = { duel: { type: 'pairwise', model: model(judge.baseUrl), criterion: 'Better?', against: 'run:before' } }
    const { context, reported } = await promptRun(baseUrl, { scorers }, { assignment: { metrics: ['duel'] } })
    const before = (index: number): Example => ({ itemId: `test-${index}`, cluster: null, input: '', output: 'neither', target: null, status: 'scored', scores: {}, error: null, latencyMs: null, ttftMs: null, tokensIn: null, tokensOut: null, costUsd: null, details: {} })
    context.server.getJson = (path) => Promise.resolve(path.startsWith('/api/runs/before/examples') ? { total: 9, examples: Array.from({ length: 9 }, (_, index) => before(index)) } : {})
    expect((await runPrompt(context)).metrics['duel']).toMatchObject({ n: 9, mean: 1, unscored: 1 })
    expect(reported.examples.find(({ itemId }) => itemId === 'test-9')?.details['unscored']).toEqual({ duel: 'run before has no answer to this item' })
  })
})

describe('a judge held to people', () => {
  const labelled = Array.from({ length: 20 }, (_, index) => ({ id: `l-${index}`, input: `mail ${index}`, target: 'ham', said: index % 2 === 0 ? 'good words' : 'bad words', good: index % 2 === 0 }))
  const dataset: TestDataset = { ...mails, splits: { ...mails.splits, labelled } }
  const people = { split: 'labelled', answer: 'said', verdict: 'good', minKappa: 0.6 }
  const tone = (baseUrl: string, more: Record<string, unknown> = {}) => ({ tone: { type: 'judge', model: model(baseUrl), rubric: 'Polite?', scale: [0, 1], people: { ...people, ...more } } })

  test('that agrees is trusted, and says with what interval', async () => {
    const judge = await chatEndpoint((prompt) => verdict(/bad words/.test(prompt) ? 0 : 1))
    const { summary, logs } = await judgedRun(tone(judge.baseUrl), { dataset })
    expect(summary.judges?.['tone']?.people).toEqual({ n: 20, kappa: 1, low: 1, high: 1, minKappa: 0.6, isTrusted: true, costUsd: expect.closeTo(20 * 0.0003, 12) as number })
    expect(summary.metrics['tone']?.caution).toBeUndefined()
    expect(logs).toContain('info: judge tone: kappa 1.000 with people on 20 of 20 labelled answers, at least 0.6 is asked for')
  })

  test('that does not is named, and its scores carry a caution', async () => {
    const judge = await chatEndpoint((prompt) => verdict(/bad words/.test(prompt) && mailIn(prompt) > 12 ? 0 : 1))
    const { summary, logs } = await judgedRun(tone(judge.baseUrl), { dataset })
    expect(summary.judges?.['tone']?.people).toMatchObject({ n: 20, kappa: expect.closeTo(0.4, 12) as number, isTrusted: false })
    expect(summary.metrics['tone']?.caution).toMatch(/^the judge is not to be trusted: its kappa with people is 0\.40 \(95 % interval 0\.\d\d to 0\.\d\d\) on 20 labelled answers, and at least 0\.6 is asked for$/)
    expect(summary.metrics['tone']).toMatchObject({ n: 10, mean: 1 })
    expect(logs.join()).toContain('warn: judge tone: kappa 0.400')
  })

  test('is refused with labels that are not there or off the scale', async () => {
    const judge = await chatEndpoint(() => verdict(1))
    await expect(judgedRun(tone(judge.baseUrl, { split: 'gold' }), { dataset })).rejects.toThrow('scorers.tone.people.split: "data" has no split "gold"; it has train, test, labelled')
    await expect(judgedRun(tone(judge.baseUrl, { verdict: 'said' }), { dataset })).rejects.toThrow('scorers.tone.people.verdict: item "l-0" has "good words" in the field "said"; it must be a number from 0 to 1')
    expect(judge.prompts).toHaveLength(0)
  })
})

describe('scorers by a model of vectors', () => {
  test('give the cosine with the target; vectors are stored, priced apart from the answers, and paid for once', async () => {
    await using endpoint = await CountingEndpoint.start({ delayMs: () => 0, answer: ({ prompt }) => (/[01]/.test(prompt) ? 'spam' : 'ham') })
    const by = { provider: 'openai', baseUrl: endpoint.baseUrl, model: 'vectors', price: { inputPerMillion: 1e6 } }
    const scorers = { near: { type: 'similarity', by }, same: { type: 'similarity', by, atLeast: 0.99 } }
    const first = await promptRun(endpoint.baseUrl, { scorers }, { price: { inputPerMillion: 0, outputPerMillion: 0 }, assignment: { metrics: ['near', 'same'] } })
    const summary = await runPrompt(first.context)
    const { examples, responses } = first.reported
    expect(examples.find(({ itemId }) => itemId === 'test-0')?.scores).toMatchObject({ near: 1, same: 1 })
    // "spam" and "ham" share an a and an m.
    expect(examples.find(({ itemId }) => itemId === 'test-2')?.scores).toMatchObject({ near: expect.closeTo(2 / Math.sqrt(12), 6) as number, same: 0 })
    expect(summary.metrics['same']).toMatchObject({ n: 10, mean: 0.8 })
    expect(endpoint.embedded.toSorted()).toEqual(['ham', 'spam'])
    // Two texts for each of two scorers and ten answers, a dollar a letter.
    const letters = 2 * examples.reduce((sum, { output, target }) => sum + output.length + (target ?? '').length, 0)
    expect(summary).toMatchObject({ costUsd: 0, judgeCostUsd: letters, spentUsd: 7, embeddings: { texts: 40, cached: 38, tokensIn: letters, costUsd: letters } })

    const again = await promptRun(endpoint.baseUrl, { scorers }, { responses, assignment: { runId: 'again', metrics: ['near', 'same'] } })
    expect(await runPrompt(again.context)).toMatchObject({ spentUsd: 0, judgeCostUsd: letters, embeddings: { texts: 40, cached: 40 } })
    expect([endpoint.embedded.length, endpoint.calls.length]).toEqual([2, 10])
  })

  test('a local model tells how sure it was of its answer', async () => {
    const params = PromptParametersSchema.parse({ model: 'tiny', scoring: 'generate', maxTokens: 4, limit: 2, scorers: { sure: { type: 'perplexity' }, certain: { type: 'perplexity', atMost: 1.000001 } } })
    const { context, reported } = await contextWith({ dataset: mails, params, assignment: { metrics: ['sure', 'certain'] } })
    await writeTinyModel(context.folders.models[0] ?? '', 'tiny', ['mail 1 spam', 'mail 2 ham'])
    await runPrompt(context)
    for (const { scores, output, details } of reported.examples) {
      if (output === '') expect(details['unscored']).toMatchObject({ sure: expect.stringContaining('wrote nothing') as string })
      else expect([Number(scores['sure']) > 0, Number(scores['sure']) < 1, scores['certain']]).toEqual([true, true, 0])
    }
    expect(reported.examples.some(({ output }) => output !== '')).toBe(true)
  })

  test('an endpoint that tells no likelihood has no perplexity, and each item says so', async () => {
    const { summary, examples } = await judgedRun({ sure: { type: 'perplexity' } }, { metrics: ['accuracy'] })
    expect(summary.metrics['sure']).toBeUndefined()
    expect(examples[0]?.details['unscored']).toEqual({ sure: expect.stringContaining('tells no likelihood') as string })
  })
})

test('a scale without a width is refused', () => {
  expect(PromptParametersSchema.safeParse({ scorers: { tone: { type: 'judge', model: 'm', rubric: 'r', scale: [1, 1] } } }).success).toBe(false)
})
