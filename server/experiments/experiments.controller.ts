import { Body, Controller, Delete, Get, Headers, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common'
import { ApiBody, ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { experimentForm } from '../../experiments/form.js'
import {
  AddressedCountSchema,
  AppError,
  CreatedExperimentSchema,
  EstimateSchema,
  EXPERIMENT_ORDERS,
  ExperimentChangeSchema,
  ExperimentFormSchema,
  ExperimentPageSchema,
  ExperimentSchema,
  ExperimentStatusSchema,
  KindSchema,
  PurgeAnswerSchema,
  PurgeRequestSchema,
  type CreatedExperiment,
  type Estimate,
  type Experiment,
  type ExperimentChange,
  type ExperimentForm,
  type ExperimentPage,
  type PurgeAnswer,
  type PurgeRequest,
} from '../contracts/index.js'
import { KEPT_DAYS, Shelf } from '../shelf/shelf.js'
import { ExperimentsService, type ExperimentFile } from './experiments.service.js'

const ListQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  offset: AddressedCountSchema.default(0),
  before: z.string().optional().describe('id of the last experiment of the page before; only newest first'),
  q: z.string().max(2_000).optional().describe('words and conditions, such as: spam kind:lora tag:example rank>=16 accuracy>0.8 -status:failed'),
  kind: KindSchema.optional(),
  status: ExperimentStatusSchema.optional(),
  tag: z.string().min(1).optional(),
  sort: z
    .string()
    .regex(new RegExp(`^-?(${EXPERIMENT_ORDERS.join('|')})$`), `one of ${EXPERIMENT_ORDERS.join(', ')}, with - in front for the other way round`)
    .default('-created'),
})
type ListQuery = z.infer<typeof ListQuerySchema>

const ReadQuerySchema = z.object({
  runs: z
    .string()
    .transform((text) => (text === 'none' ? [] : [...new Set(text.split(',').map((id) => id.trim()).filter((id) => id !== ''))]))
    .optional()
    .describe('ids of the runs to tell of, with commas between, or none; left out: all'),
  errorCostUsd: z.coerce.number().nonnegative().optional().describe('what an error costs, US dollars; left out: what the file says'),
})

const ACCEPTED = 'JSON, or the YAML file with Content-Type application/yaml'

@ApiTags('experiments')
@Controller('api/experiments')
export class ExperimentsController {
  constructor(
    @Inject(ExperimentsService) private readonly experiments: ExperimentsService,
    @Inject(Shelf) private readonly shelf: Shelf,
  ) {}

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
  @ApiOperation({ summary: 'Find experiments, newest first' })
  @ApiOkResponse({ standardSchema: ExperimentPageSchema })
  list(@Query({ schema: ListQuerySchema }) query: ListQuery): Promise<ExperimentPage> {
    return this.experiments.list(query)
  }

  @Post('purge')
  @HttpCode(200)
  @ApiOperation({ summary: 'Forget deleted experiments for good, and free their files' })
  @ApiOkResponse({ standardSchema: PurgeAnswerSchema })
  purge(@Body({ schema: PurgeRequestSchema }) request: PurgeRequest): Promise<PurgeAnswer> {
    return this.shelf.purge(request.keptDays ?? KEPT_DAYS)
  }

  @Get('form')
  @ApiOperation({ summary: 'What a form for an experiment file is made of: parameters with their defaults, and JSON Schemas' })
  @ApiOkResponse({ standardSchema: ExperimentFormSchema })
  form(): ExperimentForm {
    return experimentForm()
  }

  @Get(':id')
  @ApiOperation({ summary: 'One experiment with all its runs, or with those named', description: 'Who follows an experiment reads it once whole, and then the runs that the events name.' })
  @ApiOkResponse({ standardSchema: ExperimentSchema })
  read(@Param('id') id: string, @Query({ schema: ReadQuerySchema }) { errorCostUsd, runs }: z.infer<typeof ReadQuerySchema>): Promise<Experiment> {
    return this.experiments.read(id, { errorCostUsd, runIds: runs })
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Change notes or tags, star, or archive' })
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

  @Delete(':id')
  @ApiOperation({ summary: 'Delete an experiment that is over; it can be restored for seven days, then it is purged with its files' })
  @ApiOkResponse({ standardSchema: ExperimentSchema })
  async remove(@Param('id') id: string): Promise<Experiment> {
    await this.shelf.delete(id)
    return this.experiments.read(id)
  }

  @Post(':id/restore')
  @HttpCode(200)
  @ApiOperation({ summary: 'Take a deletion back' })
  @ApiOkResponse({ standardSchema: ExperimentSchema })
  async restore(@Param('id') id: string): Promise<Experiment> {
    await this.shelf.restore(id)
    return this.experiments.read(id)
  }
}

export function fileOf(body: unknown, contentType = ''): ExperimentFile {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  const format = type.endsWith('json') ? 'json' : /ya?ml$/.test(type) ? 'yaml' : null
  if (format === null) {
    throw new AppError('unsupported_media_type', `An experiment comes as JSON (Content-Type: application/json) or as its YAML file (application/yaml), not as "${type || 'nothing named'}".`)
  }
  if (typeof body !== 'string' || body.trim() === '') throw new AppError('invalid_spec', 'The experiment file is empty.', { problems: [{ path: '', message: 'the body is empty' }] })
  return { text: body, format }
}
