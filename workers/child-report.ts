/* A run's `report` in its child process: everything becomes IPC messages, in order; points and examples go several at a time. */
import { toWire, type Environment, type MetricPoint } from '../server/contracts/index.js'
import type { FromChild, ToChild } from './child-messages.js'
import { Outbox } from './outbox.js'
import { RunFailure, type CheckpointReport, type RunReport } from './run-context.js'

const LONGEST_LINE = 10_000

/** The environment is known in parts; the parts are put together before they are sent. */
export type ChildReport = Omit<RunReport, 'environment'> & { sendEnvironment(environment: Environment): void }

export function reportOverIpc(): { report: ChildReport; drained: (last: FromChild) => Promise<void> } {
  const waiting = new Map<number, PromiseWithResolvers<void>>()
  process.on('message', (message: ToChild) => {
    if (message.type === 'checkpoint-stored') waiting.get(message.step)?.resolve()
    if (message.type === 'checkpoint-refused') waiting.get(message.step)?.reject(new RunFailure('report_refused', message.message))
  })
  const report: ChildReport = {
    metric: (key, step, value) => outbox.addPoint({ key, step, value: toWire(value), time: Date.now() }),
    example: (example) => outbox.addExample(JSON.stringify(example)),
    progress: (progress) => send({ type: 'progress', progress }),
    log: (level, message) => send({ type: 'line', line: { time: Date.now(), level, message: message.slice(0, LONGEST_LINE) } }),
    dropCheckpoint: (step) => send({ type: 'drop-checkpoint', step }),
    sendEnvironment: (environment) => send({ type: 'environment', environment }),
    async checkpoint(checkpoint: CheckpointReport): Promise<void> {
      const stored = Promise.withResolvers<void>()
      waiting.set(checkpoint.step, stored)
      send({ type: 'checkpoint', checkpoint })
      await stored.promise
      waiting.delete(checkpoint.step)
    },
  }
  return { report, drained: sendLast }
}

const outbox = new Outbox<MetricPoint>((message) => process.send?.({ type: 'data', ...message } satisfies FromChild))

function send(message: FromChild): void {
  outbox.flush()
  process.send?.(message)
}

/** Resolves when the message, and so every one before it, has left this process. */
function sendLast(message: FromChild): Promise<void> {
  outbox.flush()
  return new Promise((resolve) => {
    if (process.send === undefined) return resolve()
    process.send(message, undefined, undefined, () => resolve())
  })
}
