import { Body, Controller, Get, Headers, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common'
import { ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import {
  AppError,
  CreatedExperimentSchema,
  EstimateSchema,
  ExperimentChangeSchema,
  ExperimentPageSchema,
  ExperimentSchema,
  ExperimentStatusSchema,
  KindSchema,
  type CreatedExperiment,
  type Estimate,
  type Experiment,
  type ExperimentChange,
  type ExperimentPage,
} from '../contracts/index.js'
import { ExperimentsService, type ExperimentFile } from './experiments.service.js'

const ListQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  before: z.string().optional().describe('id of the last experiment of the page before'),
  q: z.string().min(1).optional().describe('part of the name, the notes or the dataset'),
  kind: KindSchema.optional(),
  status: ExperimentStatusSchema.optional(),
  tag: z.string().min(1).optional(),
})
type ListQuery = z.infer<typeof ListQuerySchema>

const ReadQuerySchema = z.object({
  errorCostUsd: z.coerce.number().nonnegative().optional().describe('what an error costs, US dollars; left out: what the file says'),
})

const ACCEPTED = 'JSON, or the YAML file with Content-Type application/yaml'

@ApiTags('experiments')
@Controller('api/experiments')
export class ExperimentsController {
  constructor(@Inject(ExperimentsService) private readonly experiments: ExperimentsService) {}

  @Post()
  @ApiOperation({ summary: 'Queue an experiment', description: ACCEPTED })
  @ApiBody({ schema: {}, description: ACCEPTED, required: true })
  @ApiCreatedResponse({ standardSchema: CreatedExperimentSchema })
  create(@Body() body: unknown, @Headers('content-type') contentType: string | undefined): Promise<CreatedExperiment> {
    return this.experiments.create(fileOf(body, contentType))
  }

  @Post('estimate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Say what an experiment would take, without queueing it', description: ACCEPTED })
  @ApiOkResponse({ standardSchema: EstimateSchema })
  estimate(@Body() body: unknown, @Headers('content-type') contentType: string | undefined): Promise<Estimate> {
    return this.experiments.estimate(fileOf(body, contentType))
  }

  @Get()
  @ApiOperation({ summary: 'List experiments, newest first' })
  @ApiOkResponse({ standardSchema: ExperimentPageSchema })
  list(@Query({ schema: ListQuerySchema }) query: ListQuery): Promise<ExperimentPage> {
    const { q, ...rest } = query
    return this.experiments.list({ ...rest, text: q })
  }

  @Get(':id')
  @ApiOperation({ summary: 'One experiment with all its runs' })
  @ApiOkResponse({ standardSchema: ExperimentSchema })
  read(@Param('id') id: string, @Query({ schema: ReadQuerySchema }) { errorCostUsd }: z.infer<typeof ReadQuerySchema>): Promise<Experiment> {
    return this.experiments.read(id, errorCostUsd)
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change notes or tags' })
  @ApiOkResponse({ standardSchema: ExperimentSchema })
  change(@Param('id') id: string, @Body({ schema: ExperimentChangeSchema }) change: ExperimentChange): Promise<Experiment> {
    return this.experiments.change(id, change)
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancel every run that is not over' })
  @ApiOkResponse({ standardSchema: ExperimentSchema })
  cancel(@Param('id') id: string): Promise<Experiment> {
    return this.experiments.cancel(id)
  }
}

function fileOf(body: unknown, contentType = ''): ExperimentFile {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  const format = type.endsWith('json') ? 'json' : /ya?ml$/.test(type) ? 'yaml' : null
  if (format === null) {
    throw new AppError('unsupported_media_type', `An experiment comes as JSON (Content-Type: application/json) or as its YAML file (application/yaml), not as "${type || 'nothing named'}".`)
  }
  if (typeof body !== 'string' || body.trim() === '') throw new AppError('invalid_spec', 'The experiment file is empty.', { problems: [{ path: '', message: 'the body is empty' }] })
  return { text: body, format }
}
