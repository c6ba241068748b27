import { join } from 'node:path'
import { Module, type DynamicModule, type Provider, type Type } from '@nestjs/common'
import { ArtifactStore } from './artifacts/artifact-store.js'
import { Logger } from './logger.js'
import { RunDelivery } from './delivery/run-delivery.js'
import { RUN_QUEUE, type RunQueue } from './queue/run-queue.js'
import { MACHINERY, SETTINGS, type Machinery, type Settings } from './settings.js'
import { AnnotationStore } from './store/annotation-store.js'
import { CheckpointStore } from './store/checkpoint-store.js'
import { ClaimStore } from './store/claim-store.js'
import type { Database } from './store/database.js'
import { EventStore } from './store/event-store.js'
import { ExampleStore } from './store/example-store.js'
import { ExperimentStore } from './store/experiment-store.js'
import { ImportStore } from './store/import-store.js'
import { ItemFinder } from './store/item-finder.js'
import { LogStore } from './store/log-store.js'
import { MetricStore } from './store/metric-store.js'
import { NameFinder } from './store/name-finder.js'
import { PreferenceStore } from './store/preference-store.js'
import { ResponseStore } from './store/response-store.js'
import { QueueStore } from './store/queue-store.js'
import { RaceStore } from './store/race-store.js'
import { RunStore } from './store/run-store.js'
import { ScoreStore } from './store/score-store.js'
import { ShareStore } from './store/share-store.js'
import { ShelfStore } from './store/shelf-store.js'
import { SpendStore } from './store/spend-store.js'
import { TimingStore } from './store/timing-store.js'
import { TradeoffStore } from './store/tradeoff-store.js'
import { WorkerStore } from './store/worker-store.js'

/** What was opened before the application was built, and is closed after it. */
export interface Resources {
  settings: Settings
  logger: Logger
  database: Database
  queue: RunQueue
}

const STORES: Type<unknown>[] = [ExperimentStore, ImportStore, RunStore, ClaimStore, MetricStore, ExampleStore, CheckpointStore, LogStore, ResponseStore, ScoreStore, ShelfStore, QueueStore, NameFinder, RaceStore, EventStore, TimingStore, TradeoffStore, SpendStore, ShareStore, WorkerStore, AnnotationStore, PreferenceStore, ItemFinder]

/** Hands every room the stores, the queue and the settings. */
@Module({})
export class ResourcesModule {
  static of(resources: Resources): DynamicModule {
    const machinery: Machinery = { database: resources.database.kind, queue: resources.queue.name }
    const providers: Provider[] = [
      { provide: MACHINERY, useValue: machinery },
      { provide: SETTINGS, useValue: resources.settings },
      { provide: Logger, useValue: resources.logger },
      { provide: RUN_QUEUE, useValue: resources.queue },
      RunDelivery,
      { provide: ArtifactStore, useValue: new ArtifactStore(join(resources.settings.home, 'artifacts')) },
      ...STORES.map((store) => ({ provide: store, useValue: new store(resources.database) })),
    ]
    return { module: ResourcesModule, global: true, providers, exports: providers }
  }
}
