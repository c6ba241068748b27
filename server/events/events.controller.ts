import { Controller, Get, Headers, Inject, Query, Res } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger'
import type { Response } from 'express'
import { z } from 'zod'
import { ServerEventSchema, type ServerEvent } from '../contracts/index.js'
import { EventHub } from './event-hub.js'

const KEEP_ALIVE_MS = 15_000
/** A reader that lets this much pile up is cut off; it comes back and reads on from where it was. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024

const EventsQuerySchema = z.object({ since: z.coerce.number().int().nonnegative().optional().describe('number of the last event seen') })

@ApiTags('events')
@Controller('api/events')
export class EventsController {
  constructor(@Inject(EventHub) private readonly hub: EventHub) {}

  @Get()
  @ApiOperation({ summary: 'What changes, as it changes (server-sent events); resumes by Last-Event-ID or ?since=' })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ standardSchema: ServerEventSchema })
  async stream(@Query({ schema: EventsQuerySchema }) query: { since?: number }, @Headers('last-event-id') lastEventId: string | undefined, @Res() response: Response): Promise<void> {
    const since = /^\d+$/.test(lastEventId ?? '') ? Number(lastEventId) : (query.since ?? null)
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'keep-alive' })
    response.write('retry: 2000\n\n')
    const tell = (event: ServerEvent): void => {
      response.write(`id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`)
      if (response.writableLength > MAX_BACKLOG_BYTES) response.destroy()
    }
    const { seq, stop } = await this.hub.subscribe(since, tell)
    // Names the position without an event, so that a reader that loses us before the first one resumes here.
    response.write(`id: ${seq}\n\n`)
    const keepAlive = setInterval(() => response.write(': still here\n\n'), KEEP_ALIVE_MS)
    const end = (): void => {
      clearInterval(keepAlive)
      stop()
    }
    if (response.destroyed) end()
    else response.on('close', end)
  }
}
