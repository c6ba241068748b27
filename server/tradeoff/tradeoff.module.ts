import { Module } from '@nestjs/common'
import { CompareModule } from '../compare/compare.module.js'
import { SpendController } from './spend.controller.js'
import { TradeoffController } from './tradeoff.controller.js'
import { TradeoffService } from './tradeoff.service.js'

@Module({ imports: [CompareModule], controllers: [TradeoffController, SpendController], providers: [TradeoffService], exports: [TradeoffService] })
export class TradeoffModule {}
