import { Controller, Get, Header, Headers, Inject, Query, StreamableFile } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { AddressedCountSchema, RunSeriesListSchema, type RunSeriesList, SERIES_BYTES, writeSeries } from '../contracts/index.js'
import { RunRecords } from './run-records.js'

const MOST_RUNS = 500
const step = AddressedCountSchema
const list = z.string().transform((text) => [...new Set(text.split(',').map((part) => part.trim()).filter((part) => part !== ''))])

const SeriesQuerySchema = z.object({
  runs: list.pipe(z.array(z.string()).min(1).max(MOST_RUNS)).describe(`ids of up to ${MOST_RUNS} runs, separated by commas`),
  keys: list.optional().describe('series to read, separated by commas; left out: all'),
  maxPoints: z.coerce.number().int().min(2).max(100_000).default(1_000).describe('points per series; more are cut into maxPoints/2 buckets'),
  from: step.optional().describe('first step'),
  to: step.optional().describe('last step'),
  digits: z.coerce.number().int().min(3).max(17).optional().describe('significant digits of the values; left out: all'),
})
type SeriesQuery = z.infer<typeof SeriesQuerySchema>

@ApiTags('runs')
@Controller('api/metrics')
export class MetricsController {
  constructor(@Inject(RunRecords) private readonly records: RunRecords) {}

  @Get()
  @Header('vary', 'Accept')
  @ApiOperation({ summary: 'Metric series of several runs, cut for a chart and laid out column by column', description: `Asked for with "Accept: ${SERIES_BYTES}" the same comes as bytes, in a tenth of the size; server/contracts/series-bytes.ts writes and reads them.` })
  @ApiOkResponse({ standardSchema: RunSeriesListSchema })
  async read(@Query({ schema: SeriesQuerySchema }) { runs, digits, ...query }: SeriesQuery, @Headers('accept') accept = ''): Promise<RunSeriesList | StreamableFile> {
    if (!accept.includes(SERIES_BYTES)) return { runs: await this.records.metrics.readMany(runs, { ...query, digits }) }
    const bytes = writeSeries(await this.records.metrics.readMany(runs, query), digits)
    return new StreamableFile(bytes, { type: SERIES_BYTES, length: bytes.length })
  }
}
