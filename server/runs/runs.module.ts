import { Module } from '@nestjs/common'
import { AnalysisController } from './analysis.controller.js'
import { AnalysisService } from './analysis.service.js'
import { MetricsController } from './metrics.controller.js'
import { QueueController } from './queue.controller.js'
import { QueueService } from './queue.service.js'
import { RunRecords } from './run-records.js'
import { RunsController } from './runs.controller.js'
import { RunsService } from './runs.service.js'
import { SearchController } from './search.controller.js'

@Module({ controllers: [RunsController, MetricsController, AnalysisController, QueueController, SearchController], providers: [RunsService, RunRecords, AnalysisService, QueueService] })
export class RunsModule {}
