import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Res, StreamableFile } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger'
import type { Response } from 'express'
import { z } from 'zod'
import {
  AddressedCountSchema,
  CheckpointListSchema,
  ExamplePageSchema,
  ExampleStatusSchema,
  FileNameSchema,
  LogPageSchema,
  LossTableSchema,
  MetricsAnswerSchema,
  RetryRequestSchema,
  RunSchema,
  SampleListSchema,
  TokenLossTableSchema,
  type CheckpointList,
  type ExamplePage,
  type LogPage,
  type LossTable,
  type MetricsAnswer,
  type RetryRequest,
  type Run,
  type SampleList,
  type TokenLossTable,
} from '../contracts/index.js'
import { RunsService } from './runs.service.js'

const step = AddressedCountSchema

const MetricsQuerySchema = z.object({
  keys: z.string().min(1).optional().describe('series to read, separated by commas; left out: all'),
  maxPoints: z.coerce.number().int().min(2).max(100_000).default(1_000).describe('points per series; more are cut into maxPoints/2 buckets'),
  from: step.optional().describe('first step'),
  to: step.optional().describe('last step'),
})
type MetricsQuery = z.infer<typeof MetricsQuerySchema>

const ExamplesQuerySchema = z.object({
  offset: AddressedCountSchema.default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(50),
  status: ExampleStatusSchema.optional(),
  q: z.string().min(1).optional().describe('part of the id, the input, the output or the target'),
})
type ExamplesQuery = z.infer<typeof ExamplesQuerySchema>

const LogsQuerySchema = z.object({
  after: z.coerce.number().int().nonnegative().optional().describe('read on after the line with this seq; left out: the newest lines'),
  limit: z.coerce.number().int().min(1).max(5_000).default(1_000),
})
type LogsQuery = z.infer<typeof LogsQuerySchema>

const TokenLossQuerySchema = z.object({ item: z.string().min(1).describe('id of a validation item') })
type TokenLossQuery = z.infer<typeof TokenLossQuerySchema>

@ApiTags('runs')
@Controller('api/runs/:id')
export class RunsController {
  constructor(@Inject(RunsService) private readonly runs: RunsService) {}

  @Get()
  @ApiOperation({ summary: 'One run' })
  @ApiOkResponse({ standardSchema: RunSchema })
  read(@Param('id') id: string): Promise<Run> {
    return this.runs.read(id)
  }

  @Post('cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancel the run; a running one stops within seconds' })
  @ApiOkResponse({ standardSchema: RunSchema })
  cancel(@Param('id') id: string): Promise<Run> {
    return this.runs.cancel(id)
  }

  @Post('retry')
  @HttpCode(200)
  @ApiOperation({ summary: 'Queue a failed or cancelled run again; it goes on from what is stored' })
  @ApiOkResponse({ standardSchema: RunSchema })
  retry(@Param('id') id: string, @Body({ schema: RetryRequestSchema }) request: RetryRequest): Promise<Run> {
    return this.runs.retry(id, request.budget ?? null)
  }

  @Get('metrics')
  @ApiOperation({ summary: 'Metric series, cut for a chart without losing a spike or a NaN' })
  @ApiOkResponse({ standardSchema: MetricsAnswerSchema })
  metrics(@Param('id') id: string, @Query({ schema: MetricsQuerySchema }) query: MetricsQuery): Promise<MetricsAnswer> {
    return this.runs.metrics(id, { ...query, keys: query.keys?.split(',') })
  }

  @Get('examples')
  @ApiOperation({ summary: 'Answers item by item' })
  @ApiOkResponse({ standardSchema: ExamplePageSchema })
  examples(@Param('id') id: string, @Query({ schema: ExamplesQuerySchema }) query: ExamplesQuery): Promise<ExamplePage> {
    const { q, ...rest } = query
    return this.runs.examples(id, { ...rest, text: q })
  }

  @Get('samples')
  @ApiOperation({ summary: 'Answers to fixed questions at each checkpoint' })
  @ApiOkResponse({ standardSchema: SampleListSchema })
  samples(@Param('id') id: string): Promise<SampleList> {
    return this.runs.samples(id)
  }

  @Get('losses')
  @ApiOperation({ summary: 'Loss of each validation item at each evaluation' })
  @ApiOkResponse({ standardSchema: LossTableSchema })
  losses(@Param('id') id: string): Promise<LossTable> {
    return this.runs.losses(id)
  }

  @Get('losses/tokens')
  @ApiOperation({ summary: 'Loss of each token of one validation item, at each evaluation that kept it' })
  @ApiOkResponse({ standardSchema: TokenLossTableSchema })
  tokenLosses(@Param('id') id: string, @Query({ schema: TokenLossQuerySchema }) query: TokenLossQuery): Promise<TokenLossTable> {
    return this.runs.tokenLosses(id, query.item)
  }

  @Get('logs')
  @ApiOperation({ summary: 'Log lines, oldest first' })
  @ApiOkResponse({ standardSchema: LogPageSchema })
  logs(@Param('id') id: string, @Query({ schema: LogsQuerySchema }) query: LogsQuery): Promise<LogPage> {
    return this.runs.logs(id, query)
  }

  @Get('checkpoints')
  @ApiOperation({ summary: 'Checkpoints by step' })
  @ApiOkResponse({ standardSchema: CheckpointListSchema })
  checkpoints(@Param('id') id: string): Promise<CheckpointList> {
    return this.runs.checkpoints(id)
  }

  @Post('checkpoints/:step/pick')
  @HttpCode(200)
  @ApiOperation({ summary: 'Pick this checkpoint, in place of any other of the run' })
  @ApiOkResponse({ standardSchema: CheckpointListSchema })
  pick(@Param('id') id: string, @Param('step', { schema: step }) at: number): Promise<CheckpointList> {
    return this.runs.pick(id, at)
  }

  @Delete('checkpoints/:step/pick')
  @ApiOperation({ summary: 'Take the pick back' })
  @ApiOkResponse({ standardSchema: CheckpointListSchema })
  unpick(@Param('id') id: string, @Param('step', { schema: step }) at: number): Promise<CheckpointList> {
    return this.runs.unpick(id, at)
  }

  @Get('checkpoints/:step/files/:name')
  @ApiOperation({ summary: 'Download a file of a checkpoint' })
  @ApiProduces('application/octet-stream')
  async file(
    @Param('id') id: string,
    @Param('step', { schema: step }) at: number,
    @Param('name', { schema: FileNameSchema }) name: string,
    @Res({ passthrough: true }) response: Response,
  ): Promise<StreamableFile> {
    const { file, stream } = await this.runs.file(id, at, name)
    response.setHeader('etag', `"${file.sha256}"`)
    return new StreamableFile(stream, { type: 'application/octet-stream', length: file.sizeBytes, disposition: `attachment; filename="${file.name}"` })
  }
}
