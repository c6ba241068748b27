// Where tests find the stories260K checkpoint, which is not part of the repository.

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe } from 'vitest'
import type { Trainer } from '../../workers/engine/engine.js'
import { readPeftAdapter, writePeftAdapter } from '../../workers/engine/formats/peft.js'

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

/** Fills an adapter's matrices with the numbers stories260k.py starts from, as both sides can compute them. */
export function setByFormula(folder: string): void {
  const adapter = readPeftAdapter(folder)
  const modules = [...Array(5).keys()].flatMap((layer) => ['self_attn.q_proj', 'self_attn.v_proj', 'mlp.down_proj'].map((name) => `model.layers.${layer}.${name}`))
  for (const [name, tensor] of adapter.weights) {
    const isMagnitude = name.endsWith('magnitude_vector')
    const phase = modules.findIndex((module) => name.startsWith(`${module}.`)) + (name.includes('lora_B') ? 0.5 : isMagnitude ? 0.25 : 0)
    tensor.data = tensor.data.map((value, index) => (isMagnitude ? value : 0) + (isMagnitude ? value : 1) * 0.1 * Math.sin(phase + 0.37 * index))
  }
  writePeftAdapter(folder, adapter)
}

export async function disposable(made: Promise<Trainer>): Promise<Trainer & AsyncDisposable> {
  const trainer = await made
  return Object.assign(trainer, { [Symbol.asyncDispose]: () => trainer.dispose() })
}
