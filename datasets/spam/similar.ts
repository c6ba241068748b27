/*
 * Groups texts that belong together (one thread, one campaign), so that a split never parts them,
 * and keeps one of each set of near-identical texts. Word 3-gram Jaccard similarity over an inverted index.
 */

export interface KeyedText {
  id: string
  text: string
  /** Texts with one non-empty key belong together, whatever they say. */
  key: string
}

export interface Group {
  cluster: string
  /** Ids, near-identical ones left out. */
  members: string[]
}

const SHINGLE_WORDS = 3
const SAME_GROUP = 0.25
const NEAR_IDENTICAL = 0.7

export function groupSimilar(texts: KeyedText[]): Group[] {
  const shingles = texts.map(({ text }) => shinglesOf(text))
  const parent = texts.map((_, index) => index)
  const find = (index: number): number => {
    let root = index
    while (parent[root] !== root) root = parent[root] ?? root
    parent[index] = root
    return root
  }
  const dropped = new Set<number>()
  const firstWithKey = new Map<string, number>()
  const holders = new Map<string, number[]>()
  texts.forEach(({ key }, index) => {
    const first = firstWithKey.get(key)
    if (first !== undefined) parent[find(index)] = find(first)
    else if (key !== '') firstWithKey.set(key, index)
    for (const [other, similarity] of similarTo(index, shingles, holders)) {
      if (similarity >= SAME_GROUP) parent[find(index)] = find(other)
      if (similarity >= NEAR_IDENTICAL) dropped.add(index)
    }
    for (const shingle of shingles[index] ?? []) holders.set(shingle, [...(holders.get(shingle) ?? []), index])
  })
  const groups = new Map<number, Group>()
  texts.forEach(({ id }, index) => {
    const root = find(index)
    const group = groups.get(root) ?? { cluster: id, members: [] }
    if (!dropped.has(index)) group.members.push(id)
    groups.set(root, group)
  })
  return [...groups.values()]
}

function shinglesOf(text: string): Set<string> {
  const words = text.toLowerCase().split(/[^a-z]+/).filter((word) => word !== '')
  return new Set(words.slice(SHINGLE_WORDS - 1).map((_, start) => words.slice(start, start + SHINGLE_WORDS).join(' ')))
}

function similarTo(index: number, shingles: Array<Set<string>>, holders: Map<string, number[]>): Array<[number, number]> {
  const own = shingles[index] ?? new Set<string>()
  const shared = new Map<number, number>()
  for (const shingle of own) for (const other of holders.get(shingle) ?? []) shared.set(other, (shared.get(other) ?? 0) + 1)
  return [...shared].map(([other, count]) => [other, count / (own.size + (shingles[other]?.size ?? 0) - count)])
}
