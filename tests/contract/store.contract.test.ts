/* What the store promises of runs and workers, on the embedded database and on PostgreSQL. */
import { afterAll, beforeAll, beforeEach, describe } from 'vitest'
import { describeOnBoth, type OpenedDatabase } from '../support/databases.js'
import { promisesOfAnswers } from './store/answers.js'
import { promisesOfClaims } from './store/claims.js'
import { promisesOfExperiments } from './store/experiments.js'
import { promisesOfRaces } from './store/races.js'
import { promisesOfRecords } from './store/records.js'
import { type StoreRig, storeRig } from './store/rig.js'

const PROMISES = { experiments: promisesOfExperiments, claims: promisesOfClaims, records: promisesOfRecords, answers: promisesOfAnswers, races: promisesOfRaces }

describeOnBoth('the store', (openDatabase) => {
  let opened: OpenedDatabase
  let rig: StoreRig

  beforeAll(async () => {
    opened = await openDatabase()
    rig = storeRig(opened.database)
  })
  afterAll(() => opened?.stop())
  beforeEach(async () => {
    await rig.database.client.experiment.deleteMany()
  })

  for (const [what, promises] of Object.entries(PROMISES)) describe(what, () => promises(() => rig))
})
