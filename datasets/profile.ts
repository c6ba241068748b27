/* What a dataset is made of: lengths and labels by split, items that stand twice, and items that stand in two splits. */
import type { DatasetProfile, Twins } from '../server/contracts/index.js'
import { leakKey, textOf } from './leaks.js'
import { nearPairs } from './near-twins.js'
import type { Dataset } from './reader.js'

const BINS = 24
const MOST_SHOWN = 50
const LONGEST_SHOWN = 300
/** Looking for near twins keeps all texts in memory. */
const MOST_NEAR = 20_000
/** Of word triples: far above what texts of one topic share. */
const NEAR = 0.7

interface Entry {
  split: string
  id: string
  text: string
  key: string
  label: string | null
}

export async function profileDataset(dataset: Dataset): Promise<DatasetProfile> {
  const entries: Entry[] = []
  const isLabelled = dataset.manifest.task === 'classification'
  for (const split of Object.keys(dataset.splits)) {
    for await (const item of dataset.stream(split)) {
      const text = textOf(item)
      entries.push({ split, id: item.id, text, key: leakKey(text), label: isLabelled ? String(item['target']) : null })
    }
  }
  const edges = edgesOf(entries.reduce((most, { text }) => Math.max(most, text.length), 0))
  const same = [...Map.groupBy(entries, ({ key }) => key).values()].filter((group) => group.length > 1)
  const areApart = (group: readonly Entry[]): boolean => new Set(group.map(({ split }) => split)).size > 1
  const within = same.flatMap((group) => [...Map.groupBy(group, ({ split }) => split).values()].filter((part) => part.length > 1))
  return {
    hash: dataset.hash,
    edges,
    splits: Object.keys(dataset.splits).map((split) => splitOf(split, entries.filter((entry) => entry.split === split), edges, isLabelled)),
    duplicates: listOf(within.map((group) => twinsOf(group, 1))),
    leaks: listOf(same.filter(areApart).map((group) => twinsOf(group, 1))),
    nearLeaks: entries.length > MOST_NEAR ? null : listOf(nearTwins(entries)),
  }
}

/** Equal steps of a round size from 0 to the longest text. */
function edgesOf(longest: number): number[] {
  const raw = Math.max(1, longest / BINS)
  const size = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((candidate) => candidate >= raw) ?? raw
  return Array.from({ length: Math.floor(longest / step) + 2 }, (_, index) => index * step)
}

function splitOf(split: string, entries: readonly Entry[], edges: readonly number[], isLabelled: boolean): DatasetProfile['splits'][number] {
  const lengths = entries.map(({ text }) => text.length).sort((a, b) => a - b)
  const step = edges[1] ?? 1
  const bins = Array.from({ length: edges.length - 1 }, () => 0)
  for (const length of lengths) {
    const bin = Math.floor(length / step)
    bins[bin] = (bins[bin] ?? 0) + 1
  }
  const labels = isLabelled ? Object.fromEntries([...Map.groupBy(entries, ({ label }) => label ?? '')].map(([label, group]) => [label, group.length])) : null
  return { split, items: entries.length, lengths: lengths.length === 0 ? null : figuresOf(lengths), bins, labels }
}

function figuresOf(sorted: readonly number[]): NonNullable<DatasetProfile['splits'][number]['lengths']> {
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { min: sorted[0] ?? 0, p50: at(0.5), p95: at(0.95), max: sorted.at(-1) ?? 0, mean: sorted.reduce((sum, length) => sum + length, 0) / sorted.length }
}

/** Pairs in different splits; those that are the same are leaks already. */
function nearTwins(entries: readonly Entry[]): Twins[] {
  return nearPairs(entries.map(({ text, split }) => ({ text, group: split })), NEAR).flatMap(({ a, b, likeness }) => {
    const [one, other] = [entries[a], entries[b]]
    return one === undefined || other === undefined || one.key === other.key ? [] : [twinsOf([one, other], likeness)]
  })
}

const twinsOf = (group: readonly Entry[], likeness: number): Twins => ({ input: group[0]?.text.slice(0, LONGEST_SHOWN) ?? '', places: group.map(({ split, id }) => ({ split, id })), likeness })

const listOf = (twins: readonly Twins[]): { total: number; shown: Twins[] } => ({ total: twins.length, shown: twins.slice(0, MOST_SHOWN) })
