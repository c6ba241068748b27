import { Module } from '@nestjs/common'
import { RacesModule } from '../races/races.module.js'
import { Claims } from './claims.js'
import { RunReports } from './run-reports.js'
import { WorkerController } from './worker.controller.js'
import { WorkerService } from './worker.service.js'

@Module({ imports: [RacesModule], controllers: [WorkerController], providers: [WorkerService, Claims, RunReports], exports: [Claims] })
export class WorkerModule {}
