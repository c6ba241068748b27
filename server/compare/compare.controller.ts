import { Controller, Get, Inject, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { ComparisonSchema, type Comparison } from '../contracts/index.js'
import { CompareService } from './compare.service.js'

const CompareQuerySchema = z.object({
  runs: z.string().min(1).describe('ids of the runs, separated by commas'),
  metric: z.string().min(1).optional().describe('left out: the metric by which the first run is compared'),
  baseline: z.string().min(1).optional().describe('left out: the first run'),
  offset: z.coerce.number().int().nonnegative().default(0),
  limit: z.coerce.number().int().min(0).max(1_000).default(100).describe('items laid side by side; 0: the tests alone'),
  different: z.enum(['true', 'false']).default('false').describe('only items on which the runs differ'),
})
type CompareQuery = z.infer<typeof CompareQuerySchema>

@ApiTags('compare')
@Controller('api/compare')
export class CompareController {
  constructor(@Inject(CompareService) private readonly comparing: CompareService) {}

  @Get()
  @ApiOperation({ summary: 'Compare runs on the items that they share, each against the baseline by a paired test' })
  @ApiOkResponse({ standardSchema: ComparisonSchema })
  compare(@Query({ schema: CompareQuerySchema }) query: CompareQuery): Promise<Comparison> {
    const { offset, limit } = query
    return this.comparing.compare({
      runIds: [...new Set(query.runs.split(',').map((id) => id.trim()).filter((id) => id !== ''))],
      metric: query.metric,
      baselineId: query.baseline,
      rows: { offset, limit, onlyDifferent: query.different === 'true' },
    })
  }
}
