import { Module } from '@nestjs/common'
import { RacesModule } from '../races/races.module.js'
import { ShelfModule } from '../shelf/shelf.module.js'
import { Counters } from './counters.js'
import { Recovery } from './recovery.js'
import { SystemController } from './system.controller.js'
import { SystemService } from './system.service.js'
import { Watch } from './watch.js'

@Module({ imports: [RacesModule, ShelfModule], controllers: [SystemController], providers: [SystemService, Counters, Recovery, Watch], exports: [Recovery, Watch] })
export class SystemModule {}
