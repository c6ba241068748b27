import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { NextTokenRequestSchema, NextTokenSchema, type NextToken, type NextTokenRequest } from '../contracts/index.js'
import { NextTokenService } from './next-token.service.js'

@ApiTags('models')
@Controller('api/next-token')
export class NextTokenController {
  constructor(@Inject(NextTokenService) private readonly models: NextTokenService) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'The logits of the token that a model of this machine would say after a text' })
  @ApiOkResponse({ standardSchema: NextTokenSchema })
  ask(@Body({ schema: NextTokenRequestSchema }) request: NextTokenRequest): Promise<NextToken> {
    return this.models.ask(request)
  }
}
