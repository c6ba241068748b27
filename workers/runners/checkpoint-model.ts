/* The model of a checkpoint, to be asked: the base model with the adapter in a folder, or the whole model in it. */
import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Device } from '../engine/engine.js'
import { openLanguageModel, type LanguageModel } from '../engine/generate.js'
import type { BaseWeights } from '../engine/weight-cache.js'

/** What a folder of whole weights needs besides them to be a model: tokenizer, chat template, ends of an answer. */
const COMPANION_FILES = ['tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json', 'chat_template.jinja', 'generation_config.json']

export function copyCompanions(from: string, to: string): void {
  for (const file of COMPANION_FILES) if (existsSync(join(from, file))) cpSync(join(from, file), join(to, file))
}

/** Of a model that is asked beside a trainer, which holds the weights too: a large model's are not held a third time. */
export const repackLimitBytes = 128 * 2 ** 20

export interface CheckpointModelOptions {
  /** The base model's folder. */
  folder: string
  /** The number format of its weights. */
  base: BaseWeights
  method: 'lora' | 'full'
  threads: number
  device: Device
}

export class CheckpointModel {
  private readonly options: CheckpointModelOptions
  private model: LanguageModel | null = null

  constructor(options: CheckpointModelOptions) {
    this.options = options
  }

  /** The model of this checkpoint; the one given before is no longer to be used. An adapter's base is opened once. */
  async at(folder: string): Promise<LanguageModel> {
    const { method, folder: baseFolder, base, threads, device } = this.options
    if (method === 'full') {
      await this.close()
      return (this.model = await openLanguageModel({ folder, threads, device, repackLimitBytes }))
    }
    this.model ??= await openLanguageModel({ folder: baseFolder, base, threads, device, repackLimitBytes })
    this.model.useAdapter({ folder })
    return this.model
  }

  /** Until it is asked again, it gives back what it holds. */
  async rest(): Promise<void> {
    await this.model?.release()
  }

  async close(): Promise<void> {
    const model = this.model
    this.model = null
    await model?.close()
  }
}
