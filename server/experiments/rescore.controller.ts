import { Body, Controller, Headers, Inject, Param, Post } from '@nestjs/common'
import { ApiBody, ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { RescoreAnswerSchema, type RescoreAnswer } from '../contracts/index.js'
import { fileOf } from './experiments.controller.js'
import { RescoreService } from './rescore.service.js'

const ACCEPTED = 'JSON or YAML with scorers, metrics and extract, each where it changes. The answers are scored anew in an experiment of their own; no model is asked for answers again, and judges are asked what they were not asked before.'

@ApiTags('experiments')
@Controller('api')
export class RescoreController {
  constructor(@Inject(RescoreService) private readonly rescoring: RescoreService) {}

  @Post('experiments/:id/rescore')
  @ApiOperation({ summary: 'Score the stored answers of all its runs anew', description: ACCEPTED })
  @ApiBody({ schema: {}, description: ACCEPTED, required: true })
  @ApiCreatedResponse({ standardSchema: RescoreAnswerSchema })
  experiment(@Param('id') id: string, @Body() body: unknown, @Headers('content-type') contentType: string | undefined): Promise<RescoreAnswer> {
    return this.rescoring.ofExperiment(id, fileOf(body, contentType))
  }

  @Post('runs/:id/rescore')
  @ApiOperation({ summary: 'Score the stored answers of a run anew', description: ACCEPTED })
  @ApiBody({ schema: {}, description: ACCEPTED, required: true })
  @ApiCreatedResponse({ standardSchema: RescoreAnswerSchema })
  run(@Param('id') id: string, @Body() body: unknown, @Headers('content-type') contentType: string | undefined): Promise<RescoreAnswer> {
    return this.rescoring.ofRun(id, fileOf(body, contentType))
  }
}
