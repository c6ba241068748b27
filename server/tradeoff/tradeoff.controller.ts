import { Controller, Get, Inject, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { FinishedRunPageSchema, TradeoffSchema, type FinishedRunPage, type Tradeoff } from '../contracts/index.js'
import { TradeoffService } from './tradeoff.service.js'

const TradeoffQuerySchema = z.object({
  dataset: z.string().min(1).optional().describe('left out: the one tried in most ways'),
  metric: z.string().min(1).optional().describe('left out: the one by which most of its runs are compared'),
  version: z.string().min(1).optional().describe('hash of the dataset; left out: that of most runs'),
  perHour: z.coerce.number().nonnegative().max(1e6).optional().describe('US dollars for an hour of the machine, to count runs by that have no price of their own'),
})
type TradeoffQuery = z.infer<typeof TradeoffQuerySchema>

const FinishedQuerySchema = z.object({
  dataset: z.string().min(1),
  metric: z.string().min(1).describe('only runs that report it'),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.string().min(1).optional().describe('`next` of the page before'),
})
type FinishedQuery = z.infer<typeof FinishedQuerySchema>

@ApiTags('tradeoff')
@Controller('api')
export class TradeoffController {
  constructor(@Inject(TradeoffService) private readonly tradeoffs: TradeoffService) {}

  @Get('tradeoff')
  @ApiOperation({ summary: 'Everything tried on a dataset: score, latency and cost on the items that all of it answered, with the Pareto fronts' })
  @ApiOkResponse({ standardSchema: TradeoffSchema })
  read(@Query({ schema: TradeoffQuerySchema }) query: TradeoffQuery): Promise<Tradeoff> {
    return this.tradeoffs.read(query)
  }

  @Get('runs')
  @ApiOperation({ summary: 'Finished runs on a dataset over all experiments, newest first, with their summaries' })
  @ApiOkResponse({ standardSchema: FinishedRunPageSchema })
  finished(@Query({ schema: FinishedQuerySchema }) query: FinishedQuery): Promise<FinishedRunPage> {
    return this.tradeoffs.finished(query)
  }
}
