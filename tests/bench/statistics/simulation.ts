/* Races in simulation, a part of the trials at a time, in a process beside others. */
import { simulate, type Scenario, type Tally } from '../../support/race-simulation.js'
import { serveRequests } from '../frame/contestant.js'

export interface Simulated {
  race: Tally
  grid: Tally
}

await serveRequests(async (scenario: Scenario): Promise<Simulated> => simulate(scenario))
