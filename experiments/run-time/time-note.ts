/* In a sentence, on what an estimate of time rests, or why there is none. */
import type { ExperimentTime, TimeUnknown } from '../../server/contracts/index.js'

export function timeNote(time: ExperimentTime | null, unknown: TimeUnknown): string {
  if (time === null) return `time: ${WHY[unknown]}`
  const { basis, pastRuns, workers } = time
  const runs = `${pastRuns} past ${pastRuns === 1 ? 'run' : 'runs'}`
  const ground = {
    same: `from ${runs} like these on this machine`,
    model: `from ${runs} of this model on this machine, of other shapes, prompts or datasets`,
    device: `from ${runs} on this machine, of other models or datasets`,
    throughput: 'from the measured speed of the device; no run on it tells more yet',
    elsewhere: `from ${runs} on other machines`,
    budget: 'no more is known than the budget, at which each run ends',
  }[basis]
  const who = workers === 0 ? 'no worker is at work now, and one is taken to be' : workers === 1 ? 'on the one worker that is there' : `on ${workers} workers`
  return `time: ${ground}; ${who}. A range, for what else the machine does is not known`
}

const WHY: Readonly<Record<TimeUnknown, string>> = {
  no_past_runs: 'not known: no run that tells has finished, and no worker has measured its device yet',
  unknown_model: 'not known: the model, or what it trains on, is not known here',
  unknown_items: 'not known: the dataset has no such split',
}
