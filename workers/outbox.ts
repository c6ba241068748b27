/* What a run reports often, on its way to the worker: several points or examples go in one message. */

const MOST_EXAMPLES = 250
const MOST_POINTS = 1_000
const LONGEST_WAIT_MS = 25

export interface OutboxMessage<Point> {
  points: Point[]
  examples: string[]
}

export class Outbox<Point> {
  private points: Point[] = []
  private examples: string[] = []
  private timer: NodeJS.Timeout | undefined
  private sentAtMs = -Infinity

  constructor(private readonly send: (message: OutboxMessage<Point>) => void) {}

  addPoint(point: Point): void {
    this.points.push(point)
    this.sendWhenDue()
  }

  /** @param text an example as JSON */
  addExample(text: string): void {
    this.examples.push(text)
    this.sendWhenDue()
  }

  flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.points.length + this.examples.length === 0) return
    this.sentAtMs = performance.now()
    const message = { points: this.points, examples: this.examples }
    ;[this.points, this.examples] = [[], []]
    this.send(message)
  }

  /** A native call may keep the timer waiting for seconds, so what comes long after the last message does not wait for it. */
  private sendWhenDue(): void {
    const isFull = this.examples.length >= MOST_EXAMPLES || this.points.length >= MOST_POINTS
    if (isFull || performance.now() - this.sentAtMs > LONGEST_WAIT_MS) this.flush()
    else this.timer ??= setTimeout(() => this.flush(), LONGEST_WAIT_MS)
  }
}
