import { Module } from '@nestjs/common'
import { MetricsController } from './metrics.controller.js'
import { RunRecords } from './run-records.js'
import { RunsController } from './runs.controller.js'
import { RunsService } from './runs.service.js'

@Module({ controllers: [RunsController, MetricsController], providers: [RunsService, RunRecords] })
export class RunsModule {}
