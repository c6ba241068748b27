/*
 * Entry of the process of one run. It is born with a start message and ends with its run, or when
 * the worker that started it is gone: nothing computes for a run that nobody can report.
 */
import { constants, setPriority } from 'node:os'
import type { FromChild, StartMessage, ToChild } from './child-messages.js'
import { reportOverIpc } from './child-report.js'
import { EngineError } from './engine/engine-error.js'
import { DatasetError } from '../datasets/dataset-error.js'
import type { RunError } from '../server/contracts/index.js'
import { executeRun } from './run.js'
import { RunFailure } from './run-context.js'

const LOAD_AFTER_MS = 200

// Computing takes every core; whoever watches it must stay quick.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
// Ctrl-C reaches the whole process group; the worker decides what becomes of the run.
process.on('SIGINT', () => undefined)
process.on('disconnect', () => process.exit(1))
/** One that waits for its run loads meanwhile what most runs need. */
const idle = setTimeout(() => void import('./runners/prompt.js').catch(() => undefined), LOAD_AFTER_MS)
process.once('message', (message: ToChild) => {
  clearTimeout(idle)
  if (message.type === 'start') void main(message)
})

async function main(start: StartMessage): Promise<void> {
  const { report, drained } = reportOverIpc()
  try {
    const summary = await executeRun(start, report)
    await drained({ type: 'succeeded', summary })
  } catch (error) {
    await drained({ type: 'failed', error: toRunError(error), summary: error instanceof RunFailure ? error.summary : null } satisfies FromChild)
  }
  process.exit(0)
}

/** Expected failures say what to do; any other keeps its stack, because somebody has to find the fault. */
function toRunError(error: unknown): RunError {
  if (error instanceof RunFailure || error instanceof EngineError || error instanceof DatasetError) return { code: error.code, message: error.message }
  return { code: 'internal', message: error instanceof Error ? (error.stack ?? error.message) : String(error) }
}
