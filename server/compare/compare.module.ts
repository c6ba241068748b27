import { Module } from '@nestjs/common'
import { ColumnCache } from './column-cache.js'
import { CompareController } from './compare.controller.js'
import { CompareService } from './compare.service.js'

@Module({ controllers: [CompareController], providers: [CompareService, ColumnCache] })
export class CompareModule {}
