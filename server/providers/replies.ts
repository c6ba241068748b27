import { Inject, Injectable } from '@nestjs/common'
import type { ResponseQuery, StoredResponse } from '../contracts/index.js'
import { ResponseStore } from '../store/response-store.js'
import { CallsUnderWay } from './calls-under-way.js'

/** As the database writes the beginning of each; inside a reply's text the quotes are escaped. */
const KEY_IN_JSON = /\{"key":"([0-9a-f]{64})","body":/g

/** Stored replies, and who is asking for those that are not stored yet. */
@Injectable()
export class Replies {
  /** In memory: several servers on one database do not know of each other's calls, and after a restart none is known. */
  readonly #calls = new CallsUnderWay()

  constructor(@Inject(ResponseStore) private readonly responses: ResponseStore) {}

  /** JSON of a ResponseList. Marks come before the look, so that a reply stored between them is not missed. */
  async find({ keys, runId }: ResponseQuery): Promise<string> {
    if (runId === undefined) return `{"responses":${await this.responses.find(keys)}}`
    const asked = new Set(this.#calls.claim(runId, keys, performance.now()))
    const found = await this.responses.find(keys)
    for (const [, key = ''] of found.matchAll(KEY_IN_JSON)) if (!asked.delete(key)) this.#calls.settle([key])
    return `{"responses":${found},"asked":${JSON.stringify([...asked])}}`
  }

  async keep(runId: string, responses: readonly StoredResponse[]): Promise<void> {
    await this.responses.keep(runId, responses)
    this.#calls.settle(responses.map(({ key }) => key))
  }

  /** The run has ended, or was given back: what it has not asked, others may. */
  drop(runId: string): void {
    this.#calls.drop(runId)
  }
}
