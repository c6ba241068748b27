import { Controller, Get, Inject, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { PlanSchema, type Plan } from '../contracts/index.js'
import { CompareService } from './compare.service.js'

const PlanQuerySchema = z.object({
  difference: z.coerce.number().positive().describe('δ to be found, in the unit of the metric: 0.03 is 3 points'),
  runs: z.string().min(1).optional().describe('ids of two runs, or of the repeats of two cells, whose scores show the variances'),
  metric: z.string().min(1).optional().describe('for runs; left out: the metric by which the first is compared'),
  accuracy: z.coerce.number().gt(0).lt(1).optional().describe('supposed where no runs are named; 0.7 when left out'),
  correlation: z.coerce.number().min(-1).lt(1).optional().describe('supposed correlation of both runs’ scores over items; 0.5 when left out'),
  answerVariance: z.coerce.number().nonnegative().optional().describe('σ²: supposed variance of a score when an item is answered again; 0 when left out'),
  repeats: z.coerce.number().int().min(1).max(1_000).default(1).describe('answers per item in each run'),
  comparisons: z.coerce.number().int().min(1).max(10_000).default(1).describe('runs that are held against the baseline'),
  alpha: z.coerce.number().gt(0).lt(0.5).default(0.05),
  power: z.coerce.number().gt(0.5).lt(1).default(0.8),
})
export type PlanQuery = z.infer<typeof PlanQuerySchema>

@ApiTags('compare')
@Controller('api/plan')
export class PlanController {
  constructor(@Inject(CompareService) private readonly comparing: CompareService) {}

  @Get()
  @ApiOperation({ summary: 'How many items a paired comparison needs to find a difference' })
  @ApiOkResponse({ standardSchema: PlanSchema })
  plan(@Query({ schema: PlanQuerySchema }) query: PlanQuery): Promise<Plan> {
    return this.comparing.plan(query)
  }
}
