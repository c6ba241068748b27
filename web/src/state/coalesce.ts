/**
 * Calls `work` at once, and again after a burst of calls ends up due, but never more often than
 * every `intervalMs`, and never while the last call has not come back.
 */
export function coalesce(work: () => Promise<void>, intervalMs: number): { call: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isBusy = false
  let isDue = false
  let lastStart = -Infinity

  const start = (): void => {
    timer = undefined
    isBusy = true
    isDue = false
    lastStart = Date.now()
    void work().finally(() => {
      isBusy = false
      if (isDue) plan()
    })
  }
  const plan = (): void => {
    isDue = true
    if (isBusy || timer !== undefined) return
    timer = setTimeout(start, Math.max(0, lastStart + intervalMs - Date.now()))
  }
  return {
    call: plan,
    stop: () => clearTimeout(timer),
  }
}
