import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common'
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { SIDE_FILTERS } from '../../experiments/sides.js'
import { PAIRED_TESTS } from '../../experiments/statistics/paired.js'
import { LANGUAGES } from '../../experiments/wording.js'
import { AddressedCountSchema, ComparedItemSchema, ComparisonSchema, CreatedDatasetSchema, ItemConditionsSchema, ItemFacetsSchema, ReferenceSchema, type ComparedItem, type Comparison, type CreatedDataset, type ItemFacets } from '../contracts/index.js'
import { CompareService, type RowsRequest } from './compare.service.js'
import { ItemsService } from './items.service.js'
import { SelectionDatasets } from './selection-datasets.js'

const RunsQuerySchema = z.object({ runs: ReferenceSchema.describe('ids of the runs, separated by commas') })
type RunsQuery = z.infer<typeof RunsQuerySchema>

/** Which items of a comparison are meant. */
const SelectionSchema = RunsQuerySchema.extend({
  metric: ReferenceSchema.optional().describe('left out: the metric by which the first run is compared'),
  baseline: ReferenceSchema.optional().describe('left out: the first run'),
  show: z.enum(SIDE_FILTERS).default('all').describe('which items: those on which any runs differ, or A and B, or one of them is better, or both are wrong'),
  a: ReferenceSchema.optional().describe('A of `show`; left out: the baseline'),
  b: ReferenceSchema.optional().describe('B of `show`; left out: the baseline, or the next run where A is the baseline'),
}).extend(ItemConditionsSchema.shape)

const CompareQuerySchema = SelectionSchema.extend({
  offset: AddressedCountSchema.default(0),
  limit: z.coerce.number().int().min(0).max(1_000).default(100).describe('items laid side by side; 0: the tests alone'),
  different: z.enum(['true', 'false']).default('false').describe('short for show=different'),
  test: z.enum(PAIRED_TESTS).optional().describe('left out: exact McNemar for 0/1 scores of independent items, else the permutation test; of a figure of the whole corpus approximate randomization'),
  correction: z.enum(['holm', 'bh']).default('holm').describe('bh: for wide grids, where a known share of false findings can be borne'),
  margin: z.coerce.number().positive().optional().describe('δ: also asks whether each run is not worse than the baseline by δ or more, in the unit of the metric (0.02 is 2 points)'),
  errorCostUsd: z.coerce.number().nonnegative().optional().describe('what an error costs, US dollars: also tells what 1,000 requests cost with their errors; left out: what the baseline’s experiment says'),
  repeats: z.enum(['apart', 'pooled']).default('apart').describe('pooled: repeats of a cell are one side of the comparison'),
  lang: z.enum(LANGUAGES).default('en').describe('language of the sentences'),
})
type CompareQuery = z.infer<typeof CompareQuerySchema>

const DatasetRequestSchema = SelectionSchema.extend({
  name: z.string().min(1).max(60).describe('of the new dataset: lower-case letters, digits and hyphens'),
  title: z.string().min(1).max(200).optional().describe('left out: what was selected, in a sentence'),
})
type DatasetRequest = z.infer<typeof DatasetRequestSchema>

@ApiTags('compare')
@Controller('api/compare')
export class CompareController {
  constructor(
    @Inject(CompareService) private readonly comparing: CompareService,
    @Inject(ItemsService) private readonly items: ItemsService,
    @Inject(SelectionDatasets) private readonly datasets: SelectionDatasets,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Compare runs on the items that they share, each against the baseline by a paired test' })
  @ApiOkResponse({ standardSchema: ComparisonSchema })
  compare(@Query({ schema: CompareQuerySchema }) query: CompareQuery): Promise<Comparison> {
    const { offset, limit, test, correction, margin, errorCostUsd, repeats, lang } = query
    const rows = { ...rowsOf(query), offset, limit, ...(query.different === 'true' ? { show: 'different' as const } : {}) }
    return this.comparing.compare({ ...runsOf(query), test, correction, margin, errorCostUsd, repeats, language: lang, rows })
  }

  @Get('facets')
  @ApiOperation({ summary: 'Targets, clusters and tags by which the items of the runs can be narrowed' })
  @ApiOkResponse({ standardSchema: ItemFacetsSchema })
  facets(@Query({ schema: RunsQuerySchema }) query: RunsQuery): Promise<ItemFacets> {
    return this.items.facets(idsOf(query))
  }

  @Get('items/:item')
  @ApiOperation({ summary: 'One item as the runs answered it, with all that is known of each answer' })
  @ApiOkResponse({ standardSchema: ComparedItemSchema })
  item(@Param('item') item: string, @Query({ schema: RunsQuerySchema }) query: RunsQuery): Promise<ComparedItem> {
    return this.items.item(idsOf(query), item)
  }

  @Post('dataset')
  @ApiOperation({ summary: 'Make a dataset of the selected items, as its test split, for the next experiment' })
  @ApiCreatedResponse({ standardSchema: CreatedDatasetSchema })
  dataset(@Body({ schema: DatasetRequestSchema }) request: DatasetRequest): Promise<CreatedDataset> {
    const { name, title } = request
    return this.datasets.create({ ...runsOf(request), rows: rowsOf(request) }, { name, title })
  }
}

function idsOf({ runs }: RunsQuery): string[] {
  return [...new Set(runs.split(',').map((id) => id.trim()).filter((id) => id !== ''))]
}

function runsOf(query: Pick<DatasetRequest, 'runs' | 'metric' | 'baseline'>): { runIds: string[]; metric: string | undefined; baselineId: string | undefined } {
  return { runIds: idsOf(query), metric: query.metric, baselineId: query.baseline }
}

function rowsOf({ show, a, b, text, target, cluster, minLength, maxLength, annotated, tag }: z.infer<typeof SelectionSchema>): RowsRequest {
  return { offset: 0, limit: 0, show, a, b, conditions: { text, target, cluster, minLength, maxLength, annotated, tag } }
}
