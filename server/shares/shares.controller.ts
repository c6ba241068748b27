import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Post } from '@nestjs/common'
import { ApiCreatedResponse, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { SharedViewSchema, ShareListSchema, ShareRequestSchema, ShareSchema, type Share, type SharedView, type ShareList, type ShareRequest } from '../contracts/index.js'
import { SharesService } from './shares.service.js'

@ApiTags('shares')
@Controller('api/shares')
export class SharesController {
  constructor(@Inject(SharesService) private readonly shares: SharesService) {}

  @Post()
  @ApiOperation({ summary: 'Share the trade-off of a dataset as it is now, by a link that lets read it and nothing else' })
  @ApiCreatedResponse({ standardSchema: ShareSchema })
  create(@Body({ schema: ShareRequestSchema }) request: ShareRequest): Promise<Share> {
    return this.shares.create(request)
  }

  @Get()
  @ApiOperation({ summary: 'Links that hold, newest first' })
  @ApiOkResponse({ standardSchema: ShareListSchema })
  async list(): Promise<ShareList> {
    return { shares: await this.shares.list() }
  }

  @Get(':token')
  @ApiOperation({ summary: 'A shared view, as it was; the token in the path is all it asks for' })
  @ApiOkResponse({ standardSchema: SharedViewSchema })
  read(@Param('token') token: string): Promise<SharedView> {
    return this.shares.read(token)
  }

  @Delete(':token')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revoke a link: from now on it leads nowhere' })
  @ApiNoContentResponse()
  revoke(@Param('token') token: string): Promise<void> {
    return this.shares.revoke(token)
  }
}
