import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Inject, Injectable } from '@nestjs/common'
import { parsePriceTable } from '../../experiments/price-table.js'
import { AppError, type Assignment } from '../contracts/index.js'
import { SETTINGS, type Settings } from '../settings.js'

type Prices = Assignment['prices']

/** prices.yaml in BANCADA_HOME, read again whenever it has changed. Without the file nothing has a price. */
@Injectable()
export class PriceTable {
  #read: { mtimeMs: number; prices: Prices } | null = null

  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  get path(): string {
    return join(this.settings.home, 'prices.yaml')
  }

  async current(): Promise<Prices> {
    const changed = await stat(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (changed === null) return { rows: [], problem: null }
    if (this.#read?.mtimeMs !== changed.mtimeMs) this.#read = { mtimeMs: changed.mtimeMs, prices: await this.#load() }
    return this.#read.prices
  }

  /** @throws {AppError} `invalid_request` that names what is wrong with the file. */
  async assertSound(): Promise<void> {
    const { problem } = await this.current()
    if (problem !== null) throw new AppError('invalid_request', `${problem}. Correct ${this.path}, or remove it to leave costs unknown.`)
  }

  async #load(): Promise<Prices> {
    try {
      return { rows: parsePriceTable(await readFile(this.path, 'utf8')), problem: null }
    } catch (error) {
      if (error instanceof AppError) return { rows: [], problem: error.message }
      throw error
    }
  }
}
