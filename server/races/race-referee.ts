import { Inject, Injectable } from '@nestjs/common'
import { describeMetric } from '../../experiments/metrics.js'
import { decideRace } from '../../experiments/race.js'
import { raceEnding, stopReason } from '../../experiments/race-words.js'
import { RunDelivery } from '../delivery/run-delivery.js'
import { Logger } from '../logger.js'
import { RaceStore, type DueRace, type Verdict } from '../store/race-store.js'
import { ScoreStore } from '../store/score-store.js'

/**
 * Decides the races that are due. It keeps nothing between calls: who calls late, twice, or after a
 * crash finds the same runs waiting and decides the same.
 */
@Injectable()
export class RaceReferee {
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    @Inject(RaceStore) private readonly races: RaceStore,
    @Inject(ScoreStore) private readonly scores: ScoreStore,
    @Inject(RunDelivery) private readonly delivery: RunDelivery,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** Ids of the experiments that a decision was made on. One turn at a time: what became due meanwhile is for the next one. */
  decideDue(): Promise<string[]> {
    const turn = this.#turn.then(() => this.#decideAll())
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  /** As `decideDue` after the end of a run, which is stored whatever becomes of the decision: what fails here is decided at the next look around. */
  async afterRun(): Promise<void> {
    try {
      await this.decideDue()
    } catch (error) {
      this.logger.warn('a race waits for its decision', { error: String(error) })
    }
  }

  async #decideAll(): Promise<string[]> {
    const decided: string[] = []
    for (const race of await this.races.due()) {
      const waiting = await this.races.settle(race, await this.#judge(race))
      if (waiting === null) continue
      decided.push(race.experimentId)
      await this.delivery.send(waiting)
    }
    return decided
  }

  async #judge(race: DueRace): Promise<Verdict> {
    const { plan, items, spent } = race
    const looks = [...race.looks, items]
    const metric = describeMetric(race.metric, race.runs.flatMap(({ summary }) => summary?.metrics[race.metric] ?? []))
    const racers = []
    for (const { id } of race.runs) racers.push({ id, columns: await this.scores.columns(id, race.metric) })
    const decision = decideRace({ plan, looks, spent, metric, racers })
    const names = new Map(race.runs.map(({ id, name }) => [id, name]))
    const told = { plan, looks, metric, names }
    return {
      stopped: decision.stopped.map((stopped) => ({ id: stopped.id, reason: stopReason(stopped, decision, told) })),
      left: decision.left,
      next: decision.next,
      outcome: decision.end === null ? 'running' : decision.end === 'won' ? 'won' : 'tied',
      reason: raceEnding(decision, told),
    }
  }
}
