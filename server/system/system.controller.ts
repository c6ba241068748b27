import { Controller, Get, Inject } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { HealthSchema, SystemInfoSchema, WorkerListSchema, type Health, type SystemInfo, type WorkerList } from '../contracts/index.js'
import { SystemService } from './system.service.js'

@ApiTags('system')
@Controller('api')
export class SystemController {
  constructor(@Inject(SystemService) private readonly system: SystemService) {}

  @Get('health')
  @ApiOperation({ summary: 'Whether the server, its database and its queue work' })
  @ApiOkResponse({ standardSchema: HealthSchema })
  health(): Promise<Health> {
    return this.system.health()
  }

  @Get('workers')
  @ApiOperation({ summary: 'Workers of the last week, with their devices and runs' })
  @ApiOkResponse({ standardSchema: WorkerListSchema })
  workers(): Promise<WorkerList> {
    return this.system.workers()
  }

  @Get('system')
  @ApiOperation({ summary: 'Versions, stores and workers of this server' })
  @ApiOkResponse({ standardSchema: SystemInfoSchema })
  info(): Promise<SystemInfo> {
    return this.system.info()
  }
}
