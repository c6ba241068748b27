/* Figures of the corpus in files that lm-evaluation-harness wrote (samples.py), made anew from their samples. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readLmEval } from '../../../experiments/interchange/lm-eval-import.js'
import { summarizeMetric } from '../../../experiments/summary.js'

const FOLDER = 'tests/golden/lm-eval/samples/rote'
const DATE = '2026-01-31T10-00-00.000000'
const read = (name: string): { path: string; text: string } => ({ path: `${FOLDER}/${name}`, text: readFileSync(`${FOLDER}/${name}`, 'utf8') })
const results = read(`results_${DATE}.json`)
const told = (JSON.parse(results.text) as { results: Record<string, Record<string, unknown>> }).results
const TASKS = ['last_word', 'texts', 'to_english', 'yes_no']
const samples = TASKS.map((task) => read(`samples_${task}_${DATE}.jsonl`))

describe('imported samples of lm-evaluation-harness', () => {
  const { experiments, notes } = readLmEval([...samples, results])

  it.each(TASKS)('%s has all figures that the harness has', (task) => {
    const experiment = experiments.find(({ dataset }) => dataset === `lm-eval:${task}`)
    const examples = experiment?.runs[0]?.examples ?? []
    const wanted = Object.entries(told[task] ?? {}).flatMap(([key, value]) => (key.endsWith(',none') && !key.includes('_stderr') ? [[key.replace(',none', ''), value] as const] : []))
    const found = (experiment?.metrics ?? []).map(({ id, higherIsBetter }) => ({ name: id.replace('lm-eval/', ''), higherIsBetter, summary: summarizeMetric(id, examples) }))
    expect(found.map(({ name }) => name).toSorted()).toEqual(wanted.map(([name]) => name).toSorted())
    for (const [name, value] of wanted) {
      const one = found.find((other) => other.name === name)
      expect(Number(one?.summary.mean), name).toBeCloseTo(Number(value), name === 'brier_score' ? 7 : 9)
      expect(one?.summary.n).toBe(examples.length)
      expect(one?.higherIsBetter, name).toBe(!/perplexity|ter|bits|brier/.test(name))
    }
  })

  it('is left nothing out, and no figure differs from the file’s own', () => expect(notes).toEqual([]))

  it('says where the file’s own figure was made otherwise', () => {
    const other = { ...results, text: results.text.replace(/("bleu,none": )[\d.]+/, '$112.5') }
    expect(readLmEval([...samples, other]).notes).toEqual([expect.stringMatching(/^lm-eval\/bleu of to_english is \d+\.\d+ made anew, and 12\.5000 in the file of results: it was made otherwise there\.$/)])
  })

  it('leaves out what the harness sums up in another way', () => {
    const other = { ...results, text: results.text.replace(/("metric": "ter")/, '$1, "aggregation": "mean"') }
    expect(readLmEval([...samples, other]).notes).toEqual(['ter of to_english is not one number per sample and was left out.'])
  })
})
