import { Module } from '@nestjs/common'
import { Claims } from './claims.js'
import { RunReports } from './run-reports.js'
import { WorkerController } from './worker.controller.js'
import { WorkerService } from './worker.service.js'

@Module({ controllers: [WorkerController], providers: [WorkerService, Claims, RunReports], exports: [Claims] })
export class WorkerModule {}
