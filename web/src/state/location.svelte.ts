import { parsePath, withQuery, type Route } from '../router.js'

/** The address bar as state. Filters, selections and orders live in its query: a view is a link. */
export class Location {
  #path = $state(window.location.pathname)
  #search = $state(window.location.search)
  readonly route: Route = $derived(parsePath(this.#path))
  readonly query = $derived(new URLSearchParams(this.#search))

  get path(): string {
    return this.#path
  }

  start(): () => void {
    const read = (): void => this.#read()
    window.addEventListener('popstate', read)
    return () => window.removeEventListener('popstate', read)
  }

  go(href: string): void {
    window.history.pushState(null, '', href)
    this.#read()
    window.scrollTo(0, 0)
  }

  /** Changes the query without a new page in the history: nobody wants Back to undo a filter letter by letter. */
  setQuery(changes: Record<string, string | null>): void {
    window.history.replaceState(null, '', `${this.#path}${withQuery(this.#search, changes)}`)
    this.#read()
  }

  /** Lets a click on a link of our own change the page without loading it; every other click is the browser's. */
  followClick = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
    const link = event.target instanceof Element ? event.target.closest('a') : null
    if (link === null || link.target !== '' || link.hasAttribute('download') || link.origin !== window.location.origin) return
    if (link.pathname.startsWith('/api/') || (link.hash !== '' && link.pathname === this.#path)) return
    event.preventDefault()
    this.go(link.pathname + link.search)
  }

  #read(): void {
    this.#path = window.location.pathname
    this.#search = window.location.search
  }
}
