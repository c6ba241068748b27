import { Controller, Get, Inject, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { SpendSchema, type Spend } from '../contracts/index.js'
import { SpendStore } from '../store/spend-store.js'

const SpendQuerySchema = z.object({
  dataset: z.string().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.string().min(1).optional().describe('`next` of the page before'),
})
type SpendQuery = z.infer<typeof SpendQuerySchema>

@ApiTags('tradeoff')
@Controller('api/spend')
export class SpendController {
  constructor(@Inject(SpendStore) private readonly spend: SpendStore) {}

  @Get()
  @ApiOperation({ summary: 'What experiments paid, beside their budgets; runs of unknown cost are counted apart' })
  @ApiOkResponse({ standardSchema: SpendSchema })
  read(@Query({ schema: SpendQuerySchema }) query: SpendQuery): Promise<Spend> {
    return this.spend.read(query)
  }
}
