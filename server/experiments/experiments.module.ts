import { Module } from '@nestjs/common'
import { ExperimentsController } from './experiments.controller.js'
import { ExperimentsService } from './experiments.service.js'
import { ImportController } from './import.controller.js'
import { ImportService } from './import.service.js'
import { ModelsController } from './models.controller.js'
import { Preflight } from './preflight.js'
import { RescoreController } from './rescore.controller.js'
import { RescoreService } from './rescore.service.js'
import { ShelfModule } from '../shelf/shelf.module.js'

@Module({ imports: [ShelfModule], controllers: [ExperimentsController, ImportController, ModelsController, RescoreController], providers: [ExperimentsService, ImportService, RescoreService, Preflight], exports: [ExperimentsService] })
export class ExperimentsModule {}
