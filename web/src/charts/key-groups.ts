/** Metric keys that belong on one chart: `train/loss` and `eval/loss` are both "loss". */
import { METRICS } from '../../../experiments/metrics.js'
import type { MetricSeries } from '../../../server/contracts/metric.js'
import type { Run } from '../../../server/contracts/run.js'
import { formatMetric, formatTick, metricStyle } from '../format.js'
import { say } from '../i18n.js'
import type { ChartSeries } from './lines.js'
import type { ReadSeries } from './series.js'
import { placeBuckets, type PlaceBucket, type XKind } from './x-axis.js'

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

const roleInWords = (prefix: string): string => ({ train: say('training', 'treino'), eval: say('validation', 'validação') })[prefix] ?? prefix

export interface SeriesPlaces {
  kind: XKind
  /** The series that say how far each run was at each step. */
  placing: ReadonlyMap<string, readonly ReadSeries[]>
  /** By which places are divided, so that the axis has round numbers. */
  divisor: number
}

/** Places on the axis of one run. */
function placeOfRun({ kind, placing, divisor }: SeriesPlaces, runId: string): PlaceBucket {
  const place = placeBuckets(kind, placing.get(runId) ?? [])
  return divisor === 1 ? place : (bucket) => place(bucket) / divisor
}

/** A group's series of some runs. Dashed is validation only where there is training beside it; a colour that is taken turns grey. */
export function chartSeries(runs: readonly Pick<Run, 'id' | 'name' | 'colorSlot'>[], group: KeyGroup, from: { byRun: ReadonlyMap<string, readonly MetricSeries[]>; places?: SeriesPlaces }): ChartSeries[] {
  const hasTraining = group.keys.some((key) => key.startsWith('train/'))
  const taken = new Set<number>()
  return runs.flatMap((run) => {
    const isGrey = taken.has(run.colorSlot)
    taken.add(run.colorSlot)
    const place = from.places === undefined || from.places.kind === 'step' ? {} : { place: placeOfRun(from.places, run.id) }
    return (from.byRun.get(run.id) ?? []).filter(({ key, buckets }) => group.keys.includes(key) && buckets.length > 0).map(({ key, buckets }): ChartSeries => {
      const prefix = key.includes('/') ? key.slice(0, key.indexOf('/')) : ''
      return {
        id: run.id,
        label: [run.name, group.keys.length > 1 ? roleInWords(prefix) : ''].filter(Boolean).join(' '),
        slot: run.colorSlot,
        role: hasTraining && prefix === 'eval' ? 'eval' : 'train',
        buckets,
        isGrey,
        ...place,
      }
    })
  })
}

const words = (): Record<string, string> => ({
  loss: say('Loss, nats per token', 'Perda (loss), nats por token'),
  learning_rate: say('Learning rate', 'Taxa de aprendizado'),
  grad_norm: say('Gradient norm', 'Norma do gradiente'),
  tokens_per_second: say('Tokens per second', 'Tokens por segundo'),
  num_tokens: say('Tokens read', 'Tokens lidos'),
  token_accuracy: say('Token accuracy', 'Acurácia por token'),
  perplexity: say('Perplexity', 'Perplexidade'),
  epoch: say('Epoch', 'Época'),
  // Of the index that a retrieval run builds first.
  chunks: say('Chunks in the index', 'Trechos no índice'),
  seconds: say('Indexing time, s', 'Tempo de indexação, s'),
  mb_per_second: say('Indexing speed, MB/s', 'Velocidade de indexação, MB/s'),
  usd: say('Indexing cost, US$', 'Custo de indexação, US$'),
})

export const groupLabel = (name: string): string => words()[name] ?? (name in METRICS ? metricStyle(name).label : name.replaceAll('_', ' '))

/** One series in a few words, as over a column: `eval/loss` is "Validation loss". */
export function keyLabel(key: string): string {
  const [bare = ''] = groupLabel(nameOf(key)).split(',')
  const prefix = key.slice(0, key.lastIndexOf('/'))
  if (prefix !== 'eval' && prefix !== 'train') return bare
  const low = /^.[A-Z]/.test(bare) ? bare : bare.charAt(0).toLowerCase() + bare.slice(1)
  return prefix === 'eval' ? say(`Validation ${low}`, `${bare} de validação`) : say(`Training ${low}`, `${bare} de treino`)
}

/** How the values of a group are written and how high they can be: those of a metric as the metric is. */
export function valueLook(name: string): { most: number | null; formatY: (value: number) => string } {
  const style = name === 'token_accuracy' ? metricStyle('accuracy') : metricStyle(name)
  return { most: style.most, formatY: style.isShare ? (value) => formatMetric(value, style) : formatTick }
}
