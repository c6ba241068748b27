import { Module } from '@nestjs/common'
import { RacesModule } from '../races/races.module.js'
import { Claims } from './claims.js'
import { Line } from './line.js'
import { Room } from './room.js'
import { RunReports } from './run-reports.js'
import { WorkerController } from './worker.controller.js'
import { WorkerService } from './worker.service.js'

@Module({ imports: [RacesModule], controllers: [WorkerController], providers: [WorkerService, Claims, Line, Room, RunReports], exports: [Claims] })
export class WorkerModule {}
