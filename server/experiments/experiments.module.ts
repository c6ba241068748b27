import { Module } from '@nestjs/common'
import { ExperimentsController } from './experiments.controller.js'
import { ExperimentsService } from './experiments.service.js'
import { ImportController } from './import.controller.js'
import { ImportService } from './import.service.js'
import { Preflight } from './preflight.js'

@Module({ controllers: [ExperimentsController, ImportController], providers: [ExperimentsService, ImportService, Preflight], exports: [ExperimentsService] })
export class ExperimentsModule {}
