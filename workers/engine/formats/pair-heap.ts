// A binary max-heap of (count, key) pairs: highest count first, lowest key on equal counts.

export interface CountedKey {
  count: number
  key: number
}

export class PairHeap {
  private readonly items: CountedKey[] = []

  push(count: number, key: number): void {
    const item = { count, key }
    let hole = this.items.length
    this.items.push(item)
    while (hole > 0) {
      const parent = (hole - 1) >> 1
      const above = this.items[parent]
      if (above === undefined || !comesFirst(item, above)) break
      this.items[hole] = above
      hole = parent
    }
    this.items[hole] = item
  }

  pop(): CountedKey | undefined {
    const top = this.items[0]
    const last = this.items.pop()
    if (last === undefined || this.items.length === 0) return top
    let hole = 0
    for (;;) {
      let child = 2 * hole + 1
      let best = this.items[child]
      const sibling = this.items[child + 1]
      if (best !== undefined && sibling !== undefined && comesFirst(sibling, best)) {
        child++
        best = sibling
      }
      if (best === undefined || !comesFirst(best, last)) break
      this.items[hole] = best
      hole = child
    }
    this.items[hole] = last
    return top
  }
}

function comesFirst(a: CountedKey, b: CountedKey): boolean {
  return a.count > b.count || (a.count === b.count && a.key < b.key)
}
