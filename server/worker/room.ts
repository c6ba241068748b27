import { Inject, Injectable } from '@nestjs/common'
import type { ModelFacts } from '../../experiments/model-facts.js'
import { memoryTogether, trainingNeedOf, type HeldNeed } from '../../experiments/training-need.js'
import { modelFacts } from '../experiments/model-folders.js'
import { SETTINGS, type Settings } from '../settings.js'
import { RunStore, type RunWork } from '../store/run-store.js'
import { WorkerStore } from '../store/worker-store.js'

/** Whether a run fits into a worker's memory beside those that it has. Alone every run may try: its own check says what it lacks. */
@Injectable()
export class Room {
  /** Facts of models do not change while a server runs, and asking for them reads files. */
  readonly #facts = new Map<string, ModelFacts | null>()

  constructor(
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(WorkerStore) private readonly workers: WorkerStore,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** True where nothing is known that speaks against it: another kind of work, a model elsewhere, a worker that told no memory. */
  async isThere(runId: string, worker: string): Promise<boolean> {
    const held = await this.runs.heldBy(worker)
    if (held.length === 0) return true
    const bytes = await this.workers.memoryBytes(worker)
    const next = await this.runs.work(runId)
    if (bytes === null || next === null || (await this.#needOf(next)).length === 0) return true
    const needs = await Promise.all([...held, next].map((run) => this.#needOf(run)))
    return memoryTogether(needs.flat()) <= bytes
  }

  async #needOf({ kind, params }: RunWork): Promise<HeldNeed[]> {
    if (String(params['device'] ?? 'cpu') !== 'cpu') return []
    const model = String(params['model'])
    const facts = kind === 'lora' ? await this.#factsOf(model) : null
    const need = trainingNeedOf({ kind }, params, new Map(facts === null ? [] : [[model, facts]]))
    return need === null ? [] : [{ need, weights: kind === 'lora' ? `${model} ${String(params['baseDtype'])}` : null }]
  }

  async #factsOf(model: string): Promise<ModelFacts | null> {
    const known = this.#facts.get(model) ?? (await modelFacts(model, this.settings))
    if (known !== null) this.#facts.set(model, known)
    return known
  }
}
