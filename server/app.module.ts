import { Module, type DynamicModule } from '@nestjs/common'
import { CompareModule } from './compare/compare.module.js'
import { DatasetsModule } from './datasets/datasets.module.js'
import { EventsModule } from './events/events.module.js'
import { ExperimentsModule } from './experiments/experiments.module.js'
import { PeopleModule } from './people/people.module.js'
import { NextTokenModule } from './next-token/next-token.module.js'
import { ProvidersModule } from './providers/providers.module.js'
import { ResourcesModule, type Resources } from './resources.module.js'
import { RunsModule } from './runs/runs.module.js'
import { SharesModule } from './shares/shares.module.js'
import { SystemModule } from './system/system.module.js'
import { TradeoffModule } from './tradeoff/tradeoff.module.js'
import { WorkerModule } from './worker/worker.module.js'

@Module({})
export class AppModule {
  static of(resources: Resources): DynamicModule {
    return { module: AppModule, imports: [ResourcesModule.of(resources), ExperimentsModule, RunsModule, CompareModule, TradeoffModule, SharesModule, NextTokenModule, DatasetsModule, PeopleModule, ProvidersModule, SystemModule, WorkerModule, EventsModule] }
  }
}
