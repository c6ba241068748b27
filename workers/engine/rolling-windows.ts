/** A text longer than the context, read in windows, as lm-evaluation-harness reads it (lm_eval/utils.py, a context of one token). */

export interface RollingWindow {
  /** What the model reads. */
  inputs: number[]
  /** What follows each of the last inputs; the others are context alone. */
  labels: number[]
}

/**
 * Windows that predict each token once: the first all it can hold, each after `start` and the tokens before it; every
 * further one begins anew with as many tokens as fit, and the last, which has fewer to predict, is filled with context.
 * @param longest inputs that the model can read at once
 */
export function rollingWindows(tokens: readonly number[], { start, longest }: { start: number; longest: number }): RollingWindow[] {
  const read = [start, ...tokens]
  const windows: RollingWindow[] = []
  for (let predicted = 0; predicted < tokens.length; ) {
    const end = Math.min(predicted + longest, tokens.length)
    windows.push({ inputs: read.slice(Math.max(0, end - longest), end), labels: tokens.slice(predicted, end) })
    predicted = end
  }
  return windows
}
