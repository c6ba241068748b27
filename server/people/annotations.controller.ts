import { Body, Controller, Get, HttpCode, Inject, Put, Query, Res } from '@nestjs/common'
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger'
import type { Response } from 'express'
import { z } from 'zod'
import { AnnotationListSchema, AnnotationRequestSchema, type AnnotationList, type AnnotationRequest } from '../contracts/index.js'
import { AnnotationStore } from '../store/annotation-store.js'
import { csv, csvHeaders } from './csv.js'

const ListQuerySchema = z.object({
  runs: z.string().min(1).describe('ids of the runs, separated by commas'),
  item: z.string().min(1).optional().describe('left out: all items'),
})
type ListQuery = z.infer<typeof ListQuerySchema>

@ApiTags('people')
@Controller('api/annotations')
export class AnnotationsController {
  constructor(@Inject(AnnotationStore) private readonly annotations: AnnotationStore) {}

  @Get()
  @ApiOperation({ summary: 'What people said of the answers of runs' })
  @ApiOkResponse({ standardSchema: AnnotationListSchema })
  async list(@Query({ schema: ListQuerySchema }) { runs, item }: ListQuery): Promise<AnnotationList> {
    return { annotations: await this.annotations.list(runs.split(','), item ?? null) }
  }

  @Get('annotations.csv')
  @ApiOperation({ summary: 'What people said of the answers of runs, as CSV' })
  @ApiProduces('text/csv')
  async file(@Query({ schema: ListQuerySchema }) { runs, item }: ListQuery, @Res({ passthrough: true }) response: Response): Promise<string> {
    response.set(csvHeaders('annotations'))
    const said = await this.annotations.list(runs.split(','), item ?? null)
    return csv([['run', 'item', 'annotator', 'verdict', 'tags', 'comment', 'time'], ...said.map((one) => [one.runId, one.itemId, one.annotator, one.verdict ?? '', one.tags.join(' '), one.comment, one.updatedAt])])
  }

  @Put()
  @HttpCode(204)
  @ApiOperation({ summary: 'Say something of an answer, in place of what the same person said before' })
  @ApiNoContentResponse()
  put(@Body({ schema: AnnotationRequestSchema }) request: AnnotationRequest): Promise<void> {
    return this.annotations.put(request)
  }
}
