import { Global, Module } from '@nestjs/common'
import { CacheController } from './cache.controller.js'
import { EndpointLimits } from './endpoint-limits.js'
import { PriceTable } from './price-table.js'
import { Replies } from './replies.js'
import { ProvidersController } from './providers.controller.js'

@Global()
@Module({ controllers: [ProvidersController, CacheController], providers: [EndpointLimits, PriceTable, Replies], exports: [EndpointLimits, PriceTable, Replies] })
export class ProvidersModule {}
