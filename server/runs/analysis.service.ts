import { Inject, Injectable } from '@nestjs/common'
import { calibrationAnswer, confusionAnswer } from '../../experiments/analysis.js'
import { METRICS } from '../../experiments/metrics.js'
import { peopleAnswer, type ScorerScores } from '../../experiments/people-agreement.js'
import type { Analysis, Run } from '../contracts/index.js'
import { AnnotationStore } from '../store/annotation-store.js'
import { RunStore } from '../store/run-store.js'
import { ScoreStore } from '../store/score-store.js'

type Kept = Omit<Analysis, 'people'>

/** Analyses that are kept: those of runs that are over do not change. */
const MOST_KEPT = 50

@Injectable()
export class AnalysisService {
  readonly #kept = new Map<string, Kept>()

  constructor(
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(ScoreStore) private readonly scores: ScoreStore,
    @Inject(AnnotationStore) private readonly annotations: AnnotationStore,
  ) {}

  async ofRun(id: string): Promise<Analysis> {
    const run = await this.runs.read(id)
    const key = JSON.stringify([id, run.attempt, run.finishedAt])
    const analysis = this.#kept.get(key) ?? (await this.#analyse(run))
    if (run.finishedAt !== null) this.#keep(key, analysis)
    return { ...analysis, people: await this.#people(run) }
  }

  /** People may speak at any time, so this is never kept. */
  async #people(run: Run): Promise<Analysis['people']> {
    const annotations = await this.annotations.list([run.id])
    if (annotations.length === 0) return null
    const scorers = new Map<string, ScorerScores>()
    for (const [metric, { mean, higherIsBetter }] of Object.entries(run.summary?.metrics ?? {})) {
      const info = METRICS[metric]
      if (info === undefined ? higherIsBetter && Number(mean) >= 0 && Number(mean) <= 1 : info.bounded && info.higherIsBetter) scorers.set(metric, await this.scores.columns(run.id, metric))
    }
    return peopleAnswer(annotations, scorers)
  }

  async #analyse(run: Run): Promise<Kept> {
    const answers = await this.scores.labelAnswers(run.id)
    return { confusion: confusionAnswer(answers), calibration: calibrationAnswer(answers), judges: run.summary?.judges ?? {} }
  }

  #keep(key: string, analysis: Kept): void {
    this.#kept.delete(key)
    this.#kept.set(key, analysis)
    // A Map keeps the order of insertion.
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > MOST_KEPT && oldest !== undefined) this.#kept.delete(oldest)
  }
}
