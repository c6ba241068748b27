import { Body, Controller, Get, HttpCode, Inject, Post } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { CacheInfoSchema, CachePrunedSchema, CachePruneSchema, type CacheInfo, type CachePrune, type CachePruned } from '../contracts/index.js'
import { ResponseStore } from '../store/response-store.js'

@ApiTags('providers')
@Controller('api/cache')
export class CacheController {
  constructor(@Inject(ResponseStore) private readonly responses: ResponseStore) {}

  @Get()
  @ApiOperation({ summary: 'How many replies of models are stored, and how much room they take' })
  @ApiOkResponse({ standardSchema: CacheInfoSchema })
  read(): Promise<CacheInfo> {
    return this.responses.measure()
  }

  @Post('prune')
  @HttpCode(200)
  @ApiOperation({ summary: 'Forget stored replies; runs keep their answers and scores, asking again is paid again' })
  @ApiOkResponse({ standardSchema: CachePrunedSchema })
  async prune(@Body({ schema: CachePruneSchema }) which: CachePrune): Promise<CachePruned> {
    const removed = await this.responses.prune(which)
    return { removed, ...(await this.responses.measure()) }
  }
}
