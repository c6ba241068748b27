const TICK_MS = 1000

/** The time, once a second: ages and times left move without anything being fetched. */
export class Clock {
  now = $state(Date.now())

  start(): () => void {
    const timer = setInterval(() => {
      if (!document.hidden) this.now = Date.now()
    }, TICK_MS)
    return () => clearInterval(timer)
  }
}
