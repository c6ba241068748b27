import { createContext } from 'svelte'
import { Clock } from './clock.svelte.js'
import { LiveFeed } from './live-feed.svelte.js'
import { Location } from './location.svelte.js'
import { Notices } from './notices.svelte.js'
import { Preferences } from './preferences.svelte.js'
import { Shortcuts } from './shortcuts.svelte.js'

/** What every page shares, handed down by context so that nothing is a hidden global. */
export class App {
  readonly feed = new LiveFeed()
  readonly location = new Location()
  readonly preferences = new Preferences()
  readonly notices = new Notices()
  readonly shortcuts = new Shortcuts()
  readonly clock = new Clock()

  start({ isLive = true } = {}): () => void {
    const stops = [...(isLive ? [this.feed.start()] : []), this.location.start(), this.preferences.start(), this.clock.start()]
    return () => {
      for (const stop of stops) stop()
    }
  }
}

export const [useApp, provideApp] = createContext<App>()
