import { Controller, Get, Inject, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { SIDE_FILTERS } from '../../experiments/sides.js'
import { PAIRED_TESTS } from '../../experiments/statistics/paired.js'
import { ComparisonSchema, type Comparison } from '../contracts/index.js'
import { CompareService } from './compare.service.js'

const CompareQuerySchema = z.object({
  runs: z.string().min(1).describe('ids of the runs, separated by commas'),
  metric: z.string().min(1).optional().describe('left out: the metric by which the first run is compared'),
  baseline: z.string().min(1).optional().describe('left out: the first run'),
  offset: z.coerce.number().int().nonnegative().default(0),
  limit: z.coerce.number().int().min(0).max(1_000).default(100).describe('items laid side by side; 0: the tests alone'),
  different: z.enum(['true', 'false']).default('false').describe('short for show=different'),
  show: z.enum(SIDE_FILTERS).default('all').describe('which items: those on which any runs differ, or A and B, or one of them is better, or both are wrong'),
  a: z.string().min(1).optional().describe('A of `show`; left out: the baseline'),
  b: z.string().min(1).optional().describe('B of `show`; left out: the baseline, or the next run where A is the baseline'),
  test: z.enum(PAIRED_TESTS).optional().describe('left out: exact McNemar for 0/1 scores of independent items, else the permutation test'),
  correction: z.enum(['holm', 'bh']).default('holm').describe('bh: for wide grids, where a known share of false findings can be borne'),
  margin: z.coerce.number().positive().optional().describe('δ: also asks whether each run is not worse than the baseline by δ or more, in the unit of the metric (0.02 is 2 points)'),
  errorCostUsd: z.coerce.number().nonnegative().optional().describe('what an error costs, US dollars: also tells what 1,000 requests cost with their errors; left out: what the baseline’s experiment says'),
  repeats: z.enum(['apart', 'pooled']).default('apart').describe('pooled: repeats of a cell are one side of the comparison'),
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
    const { offset, limit, test, correction, margin, errorCostUsd, repeats, a, b } = query
    return this.comparing.compare({
      runIds: [...new Set(query.runs.split(',').map((id) => id.trim()).filter((id) => id !== ''))],
      metric: query.metric,
      baselineId: query.baseline,
      test,
      correction,
      margin,
      errorCostUsd,
      repeats,
      rows: { offset, limit, a, b, show: query.different === 'true' ? 'different' : query.show },
    })
  }
}
