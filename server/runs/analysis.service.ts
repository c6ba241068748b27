import { Inject, Injectable } from '@nestjs/common'
import { calibrationAnswer, confusionAnswer } from '../../experiments/analysis.js'
import type { Analysis, Run } from '../contracts/index.js'
import { RunStore } from '../store/run-store.js'
import { ScoreStore } from '../store/score-store.js'

/** Analyses that are kept: those of runs that are over do not change. */
const MOST_KEPT = 50

@Injectable()
export class AnalysisService {
  readonly #kept = new Map<string, Analysis>()

  constructor(
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(ScoreStore) private readonly scores: ScoreStore,
  ) {}

  async ofRun(id: string): Promise<Analysis> {
    const run = await this.runs.read(id)
    const key = JSON.stringify([id, run.attempt, run.finishedAt])
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const analysis = await this.#analyse(run)
    if (run.finishedAt !== null) this.#keep(key, analysis)
    return analysis
  }

  async #analyse(run: Run): Promise<Analysis> {
    const answers = await this.scores.labelAnswers(run.id)
    return { confusion: confusionAnswer(answers), calibration: calibrationAnswer(answers), judges: run.summary?.judges ?? {} }
  }

  #keep(key: string, analysis: Analysis): void {
    this.#kept.set(key, analysis)
    // A Map keeps the order of insertion.
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest)
  }
}
