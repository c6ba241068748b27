import { Module } from '@nestjs/common'
import { ColumnCache } from './column-cache.js'
import { CompareController } from './compare.controller.js'
import { PlanController } from './plan.controller.js'
import { CompareService } from './compare.service.js'

@Module({ controllers: [CompareController, PlanController], providers: [CompareService, ColumnCache], exports: [CompareService, ColumnCache] })
export class CompareModule {}
