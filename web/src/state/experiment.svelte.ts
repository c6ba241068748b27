import { getExperiment, getRunsOfExperiment } from '../api.js'
import type { Experiment } from '../../../server/contracts/run.js'
import { ChangedRuns } from './changed-runs.js'
import type { LiveFeed } from './live-feed.svelte.js'
import { liveResource, type Resource } from './resource.svelte.js'

/** One experiment with all its runs, as they are now. What runs log and measure while they go is read by whoever shows it. */
export function liveExperiment(feed: LiveFeed, id: () => string): Resource<Experiment> {
  const changed = new ChangedRuns({ whole: getExperiment, some: getRunsOfExperiment })
  return liveResource({
    feed,
    query: id,
    load: async (one, signal) => {
      const isFollowed = feed.connection === 'live'
      const read = await changed.read(one, signal)
      // What changed between this read and the first event was told to nobody.
      if (!isFollowed) changed.forget()
      return read
    },
    on: (event) => {
      if (event.type === 'reset') changed.forget()
      const isNews = event.experimentId === id() && event.type !== 'run.log' && event.type !== 'run.metrics'
      if (isNews) changed.note(event)
      return isNews
    },
  })
}
