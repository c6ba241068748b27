/** Two prompts' answers to the first items of the shipped spam dataset, as an import: finished runs without a model. */
import { openDataset } from '../../datasets/reader.js'
import type { ImportRequest } from '../../server/contracts/index.js'
import { root } from './bancada.js'

/**
 * Of `n` items A gets wrong every third and B every fifth, so that B wins where only A is wrong. Both runs
 * stand in one experiment; the answers of B are longer.
 */
export async function twoPrompts(n: number, name = 'Two wordings'): Promise<ImportRequest> {
  const items = (await (await openDataset('spam', [`${root}datasets`])).readAs('classification', 'test')).slice(0, n)
  const run = (prompt: string, isRight: (item: number) => boolean, answer: (label: string) => string) => ({
    name: `template="${prompt}"`,
    params: { model: 'elsewhere', template: prompt },
    durationMs: 1_000,
    examples: items.map(({ id, input, target, cluster }, index) => ({
      itemId: id, cluster: cluster ?? null, input: `${prompt}\n${input}`, target, output: answer(isRight(index) ? target : target === 'spam' ? 'ham' : 'spam'), status: 'scored' as const,
      scores: { accuracy: isRight(index) ? 1 : 0 }, error: null, latencyMs: 100 + index, ttftMs: 20, tokensIn: 40, tokensOut: 4, costUsd: 0.0001, details: {},
    })),
  })
  const runs = [
    run('Label this e-mail:', (item) => item % 3 !== 0, (label) => `${label}, I think`),
    run('Spam or ham?', (item) => item % 5 !== 0, (label) => `It is ${label}, I am quite sure of that`),
  ]
  return { experiments: [{ name, dataset: 'spam', source: { tool: 'test', files: [] }, metrics: [{ id: 'accuracy', higherIsBetter: true }], tags: [], notes: '', runs }] }
}
