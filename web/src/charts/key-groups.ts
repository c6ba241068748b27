/** Metric keys that belong on one chart: `train/loss` and `eval/loss` are both "loss". */
import { METRICS } from '../../../experiments/metrics.js'
import type { MetricSeries } from '../../../server/contracts/metric.js'
import type { Run } from '../../../server/contracts/run.js'
import { formatMetric, formatTick, metricStyle } from '../format.js'
import type { ChartSeries } from './lines.js'

export interface KeyGroup {
  name: string
  keys: string[]
}

const nameOf = (key: string): string => key.slice(key.lastIndexOf('/') + 1)

/** Loss first, then the metric runs are compared by, then the rest by name. */
export function keyGroups(keys: Iterable<string>, primaryMetric: string): KeyGroup[] {
  const groups = new Map<string, string[]>()
  for (const key of [...new Set(keys)].sort()) groups.set(nameOf(key), [...(groups.get(nameOf(key)) ?? []), key])
  const rank = (name: string): number => (name === 'loss' ? 0 : name === primaryMetric ? 1 : 2)
  return [...groups].map(([name, members]) => ({ name, keys: members })).sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name))
}

const ROLES: Record<string, string> = { train: 'training', eval: 'validation' }

/** A group's series of some runs. Dashed is validation only where there is training beside it. */
export function chartSeries(runs: readonly Pick<Run, 'id' | 'name' | 'colorSlot'>[], group: KeyGroup, byRun: ReadonlyMap<string, readonly MetricSeries[]>): ChartSeries[] {
  const hasTraining = group.keys.some((key) => key.startsWith('train/'))
  return runs.flatMap((run) =>
    (byRun.get(run.id) ?? []).filter(({ key, buckets }) => group.keys.includes(key) && buckets.length > 0).map(({ key, buckets }): ChartSeries => {
      const prefix = key.includes('/') ? key.slice(0, key.indexOf('/')) : ''
      const role = ROLES[prefix] ?? prefix
      return {
        id: run.id,
        label: [run.name, group.keys.length > 1 ? role : ''].filter(Boolean).join(' '),
        slot: run.colorSlot,
        role: hasTraining && prefix === 'eval' ? 'eval' : 'train',
        buckets,
      }
    }),
  )
}

const WORDS: Record<string, string> = {
  loss: 'loss, nats per token',
  learning_rate: 'learning rate',
  grad_norm: 'gradient norm',
  tokens_per_second: 'tokens per second',
}

export const groupLabel = (name: string): string => WORDS[name] ?? (name in METRICS ? metricStyle(name).label : name.replaceAll('_', ' '))

/** How the values of a group are written and how high they can be: those of a metric as the metric is. */
export function valueLook(name: string): { most: number | null; formatY: (value: number) => string } {
  const style = metricStyle(name)
  return { most: style.most, formatY: style.isShare ? (value) => formatMetric(value, style) : formatTick }
}
