import { listOf } from '../router.js'
import type { Location } from './location.svelte.js'

/** The selected rows of a page; they stand in the address, so that a selection is a link. */
export class Selection {
  readonly #location: Location
  readonly ids: ReadonlySet<string>

  constructor(location: Location) {
    this.#location = location
    this.ids = $derived(new Set(listOf(location.query.get('sel'))))
  }

  toggle(id: string): void {
    const ids = new Set(this.ids)
    if (!ids.delete(id)) ids.add(id)
    this.set(ids)
  }

  set(ids: Iterable<string>): void {
    this.#location.setQuery({ sel: [...ids].join(',') })
  }
}
