const KEPT_UNDER = 'bancada.views'

export interface SavedView {
  name: string
  /** The query of the address, as `?q=…`. */
  search: string
}

/** Searches that a reader gave a name, kept in this browser. */
export class SavedViews {
  list = $state.raw<readonly SavedView[]>(readKept())

  save(view: SavedView): void {
    this.#keep([...this.list.filter(({ name }) => name !== view.name), view])
  }

  remove(name: string): void {
    this.#keep(this.list.filter((view) => view.name !== name))
  }

  #keep(list: readonly SavedView[]): void {
    this.list = list
    try {
      localStorage.setItem(KEPT_UNDER, JSON.stringify(list))
    } catch {
      // Storage is full or forbidden: the views then last until the page is closed.
    }
  }
}

function readKept(): SavedView[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT_UNDER) ?? '[]')
    return Array.isArray(kept) ? kept.filter(isView) : []
  } catch {
    // Someone else's or broken data under our key: start without views.
    return []
  }
}

const isView = (value: unknown): value is SavedView =>
  typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string' && 'search' in value && typeof value.search === 'string'
