import { Module } from '@nestjs/common'
import { CompareModule } from '../compare/compare.module.js'
import { TradeoffModule } from '../tradeoff/tradeoff.module.js'
import { SharesController } from './shares.controller.js'
import { SharesService } from './shares.service.js'

@Module({ imports: [CompareModule, TradeoffModule], controllers: [SharesController], providers: [SharesService] })
export class SharesModule {}
