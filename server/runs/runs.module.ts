import { Module } from '@nestjs/common'
import { RunRecords } from './run-records.js'
import { RunsController } from './runs.controller.js'
import { RunsService } from './runs.service.js'

@Module({ controllers: [RunsController], providers: [RunsService, RunRecords] })
export class RunsModule {}
