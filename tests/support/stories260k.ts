// Where tests find the stories260K checkpoint, which is not part of the repository.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe } from 'vitest'

/** Absent where the data is not at hand. */
export const storiesFolder = fileURLToPath(new URL('../../../shared/data/', import.meta.url))

/** Paths of the checkpoint and its tokenizer; throws where the shared folder is there but a file is not. */
export function storiesFiles(): { checkpointPath: string; tokenizerPath: string } {
  const checkpointPath = `${storiesFolder}stories260K/checkpoint_legacy.bin`
  const tokenizerPath = `${storiesFolder}stories260K/tokenizer.bin`
  for (const path of [checkpointPath, tokenizerPath]) {
    if (!existsSync(path)) throw new Error(`${storiesFolder} exists, but ${path} does not`)
  }
  return { checkpointPath, tokenizerPath }
}

/** A suite skipped by name where the shared data folder is absent. */
export function describeWithStories(name: string, body: () => void): void {
  if (existsSync(storiesFolder)) describe(name, body)
  else describe.skip(`${name} (skipped: ${storiesFolder} is absent)`, body)
}
