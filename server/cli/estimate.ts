/* `estimate`: what an experiment would take, before it is queued. */
import type { Estimate, ParameterValue, TimeRange } from '../contracts/index.js'
import type { Client } from './client.js'
import { readExperimentFile, type Output } from './commands.js'
import { bytes, dollars, duration, milliseconds, operations, table } from './format.js'

export async function estimateExperiment(client: Client, output: Output, file: string): Promise<void> {
  const estimate = await client.post<Estimate>('/api/experiments/estimate', await readExperimentFile(file))
  output.print(output.json ? JSON.stringify(estimate) : estimateText(estimate))
}

/** A line for each cell, the totals, what the largest run needs its memory for, and what the figures rest on. */
export function estimateText(estimate: Estimate): string {
  const { cells, runs, calls, tokens, costUsd, judges, embeddings, flops, time, memoryBytes, notes } = estimate
  const axes = Object.keys(cells[0]?.params ?? {})
  const trains = cells.some((cell) => cell.time?.step != null)
  const row = (names: string[], figures: Estimate['cells'][number]): string[] => [
    ...names, known(figures.calls, whole), known(figures.tokens, whole), known(figures.memoryBytes, bytes), known(figures.flops, operations), ...(trains ? [known(figures.time?.step ?? null, range)] : []), known(figures.time, range), dollars(figures.costUsd),
  ]
  const head = [...axes, 'calls', 'tokens', 'memory', 'operations', ...(trains ? ['a step'] : []), 'time', 'cost']
  const lines = cells.map((cell) => row(axes.map((name) => shown(cell.params[name])), cell))
  const largest = cells.find((cell) => cell.memoryBytes === memoryBytes)?.memory ?? null
  return [
    `${runs} run${runs === 1 ? '' : 's'}, each cell for one run:`,
    table(head, lines, new Set(head.map((_, column) => column).filter((column) => column >= axes.length))),
    '',
    `all runs: ${known(calls, whole)} calls, ${known(tokens, whole)} tokens, ${known(flops, operations)}, cost ${dollars(costUsd)}, time ${known(time, range)}`,
    ...besides('judges besides', judges),
    ...besides('vectors besides', embeddings),
    ...(largest === null ? [] : [`largest run: ${known(memoryBytes, bytes)} = ${Object.entries(largest).filter(([, part]) => part > 0).map(([name, part]) => `${name} ${bytes(part)}`).join(' + ')}`]),
    ...notes.map((note) => `Note: ${note}`),
  ].join('\n')
}

function besides(what: string, figures: Estimate['judges']): string[] {
  return figures === null ? [] : [`${what}: up to ${known(figures.calls, whole)} calls, ${known(figures.tokens, whole)} tokens, cost ${dollars(figures.costUsd)}`]
}

function known<Value>(value: Value | null, show: (value: Value) => string): string {
  return value === null ? 'unknown' : show(value)
}

/** Most likely, and from least to most. */
function range({ seconds, low, high }: TimeRange): string {
  const shown = (value: number): string => (value < 1 ? milliseconds(value * 1000) : value < 10 ? `${value.toFixed(1)} s` : duration(value * 1000))
  return `${shown(seconds)} (${shown(low)}–${shown(high)})`
}

function whole(value: number): string {
  return value.toLocaleString('en')
}

function shown(value: ParameterValue | undefined): string {
  const text = typeof value === 'string' ? value.replaceAll('\n', '⏎') : (JSON.stringify(value) ?? '')
  return text.length > 32 ? `${text.slice(0, 31)}…` : text
}
