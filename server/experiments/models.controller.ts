import { Controller, Get, Inject } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { ModelListSchema, type ModelList } from '../contracts/index.js'
import { SETTINGS, type Settings } from '../settings.js'
import { RunStore } from '../store/run-store.js'
import { localModels } from './model-folders.js'

/** More trained runs than this are not offered; older ones can still be named. */
const MOST_RUNS = 200
const MOST_ENDPOINTS = 50

@ApiTags('experiments')
@Controller('api/models')
export class ModelsController {
  constructor(
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Models that an experiment can name: those on this machine, what runs have trained, and endpoints named before' })
  @ApiOkResponse({ standardSchema: ModelListSchema })
  async list(): Promise<ModelList> {
    const [local, trained, endpoints] = await Promise.all([localModels(this.settings), this.runs.trained(MOST_RUNS), this.runs.endpoints(MOST_ENDPOINTS)])
    return { models: [...local, ...trained.map(({ id, title }) => ({ name: `run:${id}`, origin: 'run' as const, title }))], endpoints }
  }
}
