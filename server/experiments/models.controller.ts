import { Controller, Get, Inject } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { ModelListSchema, type ModelList } from '../contracts/index.js'
import { SETTINGS, type Settings } from '../settings.js'
import { RunStore } from '../store/run-store.js'
import { localModels } from './model-folders.js'

/** More trained runs than this are not offered; older ones can still be named. */
const MOST_RUNS = 200

@ApiTags('experiments')
@Controller('api/models')
export class ModelsController {
  constructor(
    @Inject(RunStore) private readonly runs: RunStore,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Models that an experiment can name: those on this machine, and what runs have trained' })
  @ApiOkResponse({ standardSchema: ModelListSchema })
  async list(): Promise<ModelList> {
    const [local, trained] = await Promise.all([localModels(this.settings), this.runs.trained(MOST_RUNS)])
    return { models: [...local, ...trained.map(({ id, title }) => ({ name: `run:${id}`, origin: 'run' as const, title }))] }
  }
}
