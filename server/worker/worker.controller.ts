import { Body, Controller, Delete, Get, Header, HttpCode, Inject, Param, Post, Put, Query, Req, Res, StreamableFile } from '@nestjs/common'
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger'
import type { Request, Response } from 'express'
import { z } from 'zod'
import {
  AddressedCountSchema,
  AssignmentSchema,
  CheckpointCommitSchema,
  ClaimRequestSchema,
  EnvironmentReportSchema,
  ExampleBatchSchema,
  FileNameSchema,
  FinishSchema,
  HeartbeatAnswerSchema,
  HeartbeatSchema,
  LogBatchSchema,
  MetricBatchSchema,
  ResponseBatchSchema,
  ResponseListSchema,
  ResponseQuerySchema,
  ShareAnswerSchema,
  ShareReportSchema,
  StoredFileSchema,
  WorkerHeartbeatSchema,
  type Assignment,
  type CheckpointCommit,
  type ClaimRequest,
  type EnvironmentReport,
  type ExampleBatch,
  type Finish,
  type Heartbeat,
  type HeartbeatAnswer,
  type LogBatch,
  type MetricBatch,
  type ResponseBatch,
  type ResponseQuery,
  type ShareAnswer,
  type ShareReport,
  type StoredFile,
  type WorkerHeartbeat,
} from '../contracts/index.js'
import { RaceReferee } from '../races/race-referee.js'
import { WorkerService } from './worker.service.js'

const step = AddressedCountSchema
const UploadPathSchema = z.object({ id: z.string(), step, name: FileNameSchema })
const AttemptQuerySchema = z.object({ attempt: AddressedCountSchema.positive() })

/** The worker protocol; contracts/worker-protocol.ts says what each message means. */
@ApiTags('worker protocol')
@Controller('api/worker')
export class WorkerController {
  constructor(
    @Inject(WorkerService) private readonly workers: WorkerService,
    @Inject(RaceReferee) private readonly races: RaceReferee,
  ) {}

  @Post('claim')
  @ApiOperation({ summary: 'Take the next run; 204 when none waits' })
  @ApiOkResponse({ standardSchema: AssignmentSchema })
  @ApiNoContentResponse()
  async claim(@Body({ schema: ClaimRequestSchema }) request: ClaimRequest, @Res({ passthrough: true }) response: Response): Promise<Assignment | undefined> {
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    const assignment = await this.workers.claim(request, gone.signal)
    response.status(assignment === null ? 204 : 200)
    return assignment ?? undefined
  }

  @Post('heartbeat')
  @HttpCode(204)
  @ApiOperation({ summary: 'A worker is alive, with these devices and runs' })
  async beat(@Body({ schema: WorkerHeartbeatSchema }) heartbeat: WorkerHeartbeat): Promise<void> {
    await this.workers.beat(heartbeat)
  }

  @Post('runs/:id/heartbeat')
  @HttpCode(200)
  @ApiOperation({ summary: 'A run is being worked on; the answer says whether to stop' })
  @ApiOkResponse({ standardSchema: HeartbeatAnswerSchema })
  heartbeat(@Param('id') id: string, @Body({ schema: HeartbeatSchema }) heartbeat: Heartbeat): Promise<HeartbeatAnswer> {
    return this.workers.heartbeat(id, heartbeat)
  }

  @Post('runs/:id/environment')
  @HttpCode(204)
  @ApiOperation({ summary: 'Where and with what the run is executed' })
  async environment(@Param('id') id: string, @Body({ schema: EnvironmentReportSchema }) report: EnvironmentReport): Promise<void> {
    await this.workers.environment(id, report)
  }

  @Post('runs/:id/metrics')
  @HttpCode(204)
  @ApiOperation({ summary: 'Points of metric series' })
  async metrics(@Param('id') id: string, @Body({ schema: MetricBatchSchema }) batch: MetricBatch): Promise<void> {
    await this.workers.metrics(id, batch)
  }

  @Post('runs/:id/examples')
  @HttpCode(204)
  @ApiOperation({ summary: 'Answered items' })
  async examples(@Param('id') id: string, @Body({ schema: ExampleBatchSchema }) batch: ExampleBatch): Promise<void> {
    await this.workers.examples(id, batch)
  }

  @Post('runs/:id/responses')
  @HttpCode(204)
  @ApiOperation({ summary: 'Keep replies of models, before they are scored' })
  async responses(@Param('id') id: string, @Body({ schema: ResponseBatchSchema }) batch: ResponseBatch): Promise<void> {
    await this.workers.responses(id, batch)
  }

  @Post('runs/:id/share')
  @HttpCode(200)
  @ApiOperation({ summary: 'How many calls of an endpoint the run may have in flight' })
  @ApiOkResponse({ standardSchema: ShareAnswerSchema })
  share(@Param('id') id: string, @Body({ schema: ShareReportSchema }) report: ShareReport): ShareAnswer {
    return this.workers.share(id, report)
  }

  @Post('responses/find')
  @HttpCode(200)
  @ApiOperation({ summary: 'Replies that are stored, of those asked for' })
  @ApiOkResponse({ standardSchema: ResponseListSchema })
  @Header('content-type', 'application/json; charset=utf-8')
  findResponses(@Body({ schema: ResponseQuerySchema }) query: ResponseQuery): Promise<string> {
    return this.workers.findResponses(query)
  }

  @Post('runs/:id/logs')
  @HttpCode(204)
  @ApiOperation({ summary: 'Log lines' })
  async logs(@Param('id') id: string, @Body({ schema: LogBatchSchema }) batch: LogBatch): Promise<void> {
    await this.workers.logs(id, batch)
  }

  @Put('runs/:id/checkpoints/:step/files/:name')
  @ApiOperation({ summary: 'Upload a file of a checkpoint to be' })
  @ApiOkResponse({ standardSchema: StoredFileSchema })
  upload(
    @Param({ schema: UploadPathSchema }) at: z.infer<typeof UploadPathSchema>,
    @Query({ schema: AttemptQuerySchema }) query: z.infer<typeof AttemptQuerySchema>,
    @Req() request: Request,
  ): Promise<StoredFile> {
    return this.workers.upload({ runId: at.id, step: at.step, attempt: query.attempt, name: at.name }, request)
  }

  @Post('runs/:id/checkpoints/:step')
  @HttpCode(204)
  @ApiOperation({ summary: 'Make the checkpoint exist; all its files must be there' })
  async commit(@Param('id') id: string, @Param('step', { schema: step }) at: number, @Body({ schema: CheckpointCommitSchema }) commit: CheckpointCommit): Promise<void> {
    await this.workers.commit(id, at, commit)
  }

  @Delete('runs/:id/checkpoints/:step')
  @HttpCode(204)
  @ApiOperation({ summary: 'Forget a checkpoint; the picked and the last one stay' })
  async drop(@Param('id') id: string, @Param('step', { schema: step }) at: number, @Query({ schema: AttemptQuerySchema }) query: z.infer<typeof AttemptQuerySchema>): Promise<void> {
    await this.workers.drop(id, at, query.attempt)
  }

  @Get('runs/:id/checkpoints/:step/files/:name')
  @ApiOperation({ summary: 'Read a file of a checkpoint back' })
  @ApiProduces('application/octet-stream')
  async file(@Param('id') id: string, @Param('step', { schema: step }) at: number, @Param('name', { schema: FileNameSchema }) name: string): Promise<StreamableFile> {
    const { file, stream } = await this.workers.file(id, at, name)
    return new StreamableFile(stream, { type: 'application/octet-stream', length: file.sizeBytes })
  }

  @Post('runs/:id/finish')
  @HttpCode(204)
  @ApiOperation({ summary: 'End the run, or give it back' })
  async finish(@Param('id') id: string, @Body({ schema: FinishSchema }) finish: Finish): Promise<void> {
    await this.workers.finish(id, finish)
    await this.races.afterRun()
  }
}
