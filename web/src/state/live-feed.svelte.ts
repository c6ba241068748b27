import type { ServerEvent } from '../../../server/contracts/events.js'
import { openEvents } from '../api.js'

type Listener = (event: ServerEvent) => void

/** The one stream of server events, shared by every page. `connection` is what the top bar shows. */
export class LiveFeed {
  connection = $state<'connecting' | 'live' | 'down'>('connecting')
  readonly #listeners = new Set<Listener>()

  start(): () => void {
    let wasDown = false
    return openEvents({
      event: (event) => this.#tell(event),
      open: () => {
        this.connection = 'live'
        // A server that was restarted may not keep what we missed: read everything again.
        if (wasDown) this.#tell({ seq: 0, type: 'reset', experimentId: null, runId: null, time: Date.now() })
        wasDown = false
      },
      down: () => {
        this.connection = 'down'
        wasDown = true
      },
    })
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell(event: ServerEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}
