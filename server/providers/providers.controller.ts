import { Controller, Get, Inject } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { ProvidersInfoSchema, type ProvidersInfo } from '../contracts/index.js'
import { EndpointLimits } from './endpoint-limits.js'
import { PriceTable } from './price-table.js'

@ApiTags('providers')
@Controller('api/providers')
export class ProvidersController {
  constructor(
    @Inject(EndpointLimits) private readonly limits: EndpointLimits,
    @Inject(PriceTable) private readonly prices: PriceTable,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Prices, and how many calls each endpoint takes now' })
  @ApiOkResponse({ standardSchema: ProvidersInfoSchema })
  async read(): Promise<ProvidersInfo> {
    return { endpoints: this.limits.list(), prices: await this.prices.current() }
  }
}
