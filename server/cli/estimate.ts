/* `estimate`: what an experiment would take, before it is queued. */
import type { Estimate, ParameterValue } from '../contracts/index.js'
import type { Client } from './client.js'
import { readExperimentFile, type Output } from './commands.js'
import { bytes, dollars, duration, operations, table } from './format.js'

export async function estimateExperiment(client: Client, output: Output, file: string): Promise<void> {
  const estimate = await client.post<Estimate>('/api/experiments/estimate', await readExperimentFile(file))
  output.print(output.json ? JSON.stringify(estimate) : estimateText(estimate))
}

/** A line for each cell, the totals, what the largest run needs its memory for, and what the figures rest on. */
export function estimateText(estimate: Estimate): string {
  const { cells, runs, calls, tokens, costUsd, flops, seconds, memoryBytes, notes } = estimate
  const axes = Object.keys(cells[0]?.params ?? {})
  const row = (names: string[], figures: Pick<Estimate, 'calls' | 'tokens' | 'costUsd' | 'memoryBytes' | 'flops'>): string[] => [
    ...names, known(figures.calls, whole), known(figures.tokens, whole), known(figures.memoryBytes, bytes), known(figures.flops, operations), dollars(figures.costUsd),
  ]
  const head = [...axes, 'calls', 'tokens', 'memory', 'operations', 'cost']
  const lines = cells.map((cell) => row(axes.map((name) => shown(cell.params[name])), cell))
  const largest = cells.find((cell) => cell.memoryBytes === memoryBytes)?.memory ?? null
  return [
    `${runs} run${runs === 1 ? '' : 's'}, each cell for one run:`,
    table(head, lines, new Set(head.map((_, column) => column).filter((column) => column >= axes.length))),
    '',
    `all runs: ${known(calls, whole)} calls, ${known(tokens, whole)} tokens, ${known(flops, operations)}, cost ${dollars(costUsd)}, time ${known(seconds, (value) => duration(value * 1000))}`,
    ...(largest === null ? [] : [`largest run: ${known(memoryBytes, bytes)} = ${Object.entries(largest).filter(([, part]) => part > 0).map(([name, part]) => `${name} ${bytes(part)}`).join(' + ')}`]),
    ...notes.map((note) => `Note: ${note}`),
  ].join('\n')
}

function known(value: number | null, show: (value: number) => string): string {
  return value === null ? 'unknown' : show(value)
}

function whole(value: number): string {
  return value.toLocaleString('en')
}

function shown(value: ParameterValue | undefined): string {
  const text = typeof value === 'string' ? value.replaceAll('\n', '⏎') : (JSON.stringify(value) ?? '')
  return text.length > 32 ? `${text.slice(0, 31)}…` : text
}
