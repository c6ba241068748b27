import { Module } from '@nestjs/common'
import { ColumnCache } from './column-cache.js'
import { CompareController } from './compare.controller.js'
import { PlanController } from './plan.controller.js'
import { CompareService } from './compare.service.js'
import { ItemsService } from './items.service.js'
import { SelectionDatasets } from './selection-datasets.js'

@Module({ controllers: [CompareController, PlanController], providers: [CompareService, ItemsService, SelectionDatasets, ColumnCache], exports: [CompareService, ColumnCache] })
export class CompareModule {}
