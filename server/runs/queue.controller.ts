import { Body, Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { MoveRequestSchema, QueueSchema, type MoveRequest, type Queue } from '../contracts/index.js'
import { QueueService } from './queue.service.js'

@ApiTags('queue')
@Controller('api/queue')
export class QueueController {
  constructor(@Inject(QueueService) private readonly queue: QueueService) {}

  @Get()
  @ApiOperation({ summary: 'What runs where, what waits in which order, and how busy the workers are' })
  @ApiOkResponse({ standardSchema: QueueSchema })
  read(): Promise<Queue> {
    return this.queue.read()
  }

  @Post('pause')
  @HttpCode(200)
  @ApiOperation({ summary: 'Hand out no more runs; running ones go on' })
  @ApiOkResponse({ standardSchema: QueueSchema })
  pause(): Promise<Queue> {
    return this.queue.pause()
  }

  @Post('resume')
  @HttpCode(200)
  @ApiOperation({ summary: 'Hand runs out again' })
  @ApiOkResponse({ standardSchema: QueueSchema })
  resume(): Promise<Queue> {
    return this.queue.resume()
  }

  @Post('runs/:id/move')
  @HttpCode(200)
  @ApiOperation({ summary: 'Move a waiting run in the line' })
  @ApiOkResponse({ standardSchema: QueueSchema })
  move(@Param('id') id: string, @Body({ schema: MoveRequestSchema }) request: MoveRequest): Promise<Queue> {
    return this.queue.move(id, request.to)
  }
}
