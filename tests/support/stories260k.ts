// Where tests find the stories260K checkpoint, which is not part of the repository.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe } from 'vitest'

const DATA_FOLDER = fileURLToPath(new URL('../../../shared/data/', import.meta.url))

/** Paths of the checkpoint and its tokenizer; throws where the shared folder is there but a file is not. */
export function storiesFiles(): { checkpointPath: string; tokenizerPath: string } {
  const checkpointPath = `${DATA_FOLDER}stories260K/checkpoint_legacy.bin`
  const tokenizerPath = `${DATA_FOLDER}stories260K/tokenizer.bin`
  for (const path of [checkpointPath, tokenizerPath]) {
    if (!existsSync(path)) throw new Error(`${DATA_FOLDER} exists, but ${path} does not`)
  }
  return { checkpointPath, tokenizerPath }
}

/** A suite skipped by name where the shared data folder is absent. */
export function describeWithStories(name: string, body: () => void): void {
  if (existsSync(DATA_FOLDER)) describe(name, body)
  else describe.skip(`${name} (skipped: ${DATA_FOLDER} is absent)`, body)
}
