import { expect, it } from 'vitest'
import type { Estimate } from '../contracts/index.js'
import { estimateText } from './estimate.js'

const cell = (rank: number, memoryBytes: number) => ({ params: { rank }, calls: 200, tokens: null, costUsd: null, memoryBytes, memory: { process: 1e8, weights: 0, activations: memoryBytes - 1e8 }, flops: 2.5e12, time: { seconds: 65, low: 40, high: 130, step: { seconds: 0.5, low: 0.3, high: 1 }, basis: 'model' as const, pastRuns: 3 } })
const estimate: Estimate = { runs: 4, calls: 800, tokens: null, costUsd: null, judges: { calls: 800, tokens: 200_000, costUsd: 0.25 }, embeddings: null, memoryBytes: 1.5e9, flops: 1e13, seconds: 260, time: { seconds: 260, low: 160, high: 520, basis: 'model', pastRuns: 3, workers: 1 }, timeUnknown: null, cells: [cell(1, 1.2e9), cell(64, 1.5e9)], notes: ['tokens: not known'] }

it('shows each cell with its units, says unknown where nothing is known, and parts the memory of the largest run', () => {
  expect(estimateText(estimate)).toBe(
    [
      '4 runs, each cell for one run:',
      'rank  calls   tokens  memory  operations                 a step                         time     cost',
      '────  ─────  ───────  ──────  ──────────  ─────────────────────  ───────────────────────────  ───────',
      '1       200  unknown  1.2 GB   2.5 TFLOP  500 ms (300 ms–1.0 s)  1 min 5 s (40 s–2 min 10 s)  unknown',
      '64      200  unknown  1.5 GB   2.5 TFLOP  500 ms (300 ms–1.0 s)  1 min 5 s (40 s–2 min 10 s)  unknown',
      '',
      'all runs: 800 calls, unknown tokens, 10.0 TFLOP, cost unknown, time 4 min 20 s (2 min 40 s–8 min 40 s)',
      'judges besides: up to 800 calls, 200,000 tokens, cost $0.25',
      'largest run: 1.5 GB = process 100.0 MB + activations 1.4 GB',
      'Note: tokens: not known',
    ].join('\n'),
  )
})
