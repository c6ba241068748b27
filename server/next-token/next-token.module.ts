import { Module } from '@nestjs/common'
import { NextTokenController } from './next-token.controller.js'
import { NextTokenService } from './next-token.service.js'

@Module({ controllers: [NextTokenController], providers: [NextTokenService] })
export class NextTokenModule {}
