import { Inject, Injectable } from '@nestjs/common'
import { optionsOf, recommend } from '../../experiments/recommend.js'
import { AppError, type PairedTest, type Share, type SharedView, type ShareRequest, type Tradeoff, type TradeoffAsked } from '../contracts/index.js'
import { CompareService } from '../compare/compare.service.js'
import { ShareStore } from '../store/share-store.js'
import { TradeoffService } from '../tradeoff/tradeoff.service.js'

@Injectable()
export class SharesService {
  constructor(
    @Inject(ShareStore) private readonly shares: ShareStore,
    @Inject(TradeoffService) private readonly tradeoffs: TradeoffService,
    @Inject(CompareService) private readonly comparing: CompareService,
  ) {}

  /** The figures are read here, not taken from the request: what is shared is what was measured. */
  async create({ title, axis, asked, ...view }: ShareRequest): Promise<Share> {
    const tradeoff = await this.tradeoffs.read({ ...view, perHour: asked.perHourUsd ?? undefined })
    if (tradeoff.runs.length === 0) throw new AppError('invalid_request', `There is nothing to share: no finished runs on "${view.dataset}" stand on the same items of this version.`)
    // Whoever reads the link need not know what else is worked on.
    return this.shares.create(title, { axis, asked, tradeoff: { ...tradeoff, choices: [] }, tests: await this.#tests(tradeoff, asked) })
  }

  list(): Promise<Share[]> {
    return this.shares.list()
  }

  read(token: string): Promise<SharedView> {
    return this.shares.read(token)
  }

  revoke(token: string): Promise<void> {
    return this.shares.revoke(token)
  }

  async #tests(tradeoff: Tradeoff, asked: TradeoffAsked): Promise<PairedTest[]> {
    const { chosenId } = recommend(optionsOf(tradeoff), asked)
    if (chosenId === null || tradeoff.metric === null || tradeoff.runs.length < 2) return []
    const { tests } = await this.comparing.compare({
      runIds: tradeoff.runs.flatMap(({ runIds }) => runIds), metric: tradeoff.metric, baselineId: chosenId, repeats: 'pooled',
      rows: { offset: 0, limit: 0, show: 'all', a: undefined, b: undefined, conditions: {} },
    })
    return tests
  }
}
