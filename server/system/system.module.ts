import { Module } from '@nestjs/common'
import { Counters } from './counters.js'
import { Recovery } from './recovery.js'
import { SystemController } from './system.controller.js'
import { SystemService } from './system.service.js'

@Module({ controllers: [SystemController], providers: [SystemService, Counters, Recovery], exports: [Recovery] })
export class SystemModule {}
