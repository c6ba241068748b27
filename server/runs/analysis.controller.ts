import { Controller, Get, Inject, Param } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { AnalysisSchema, type Analysis } from '../contracts/index.js'
import { AnalysisService } from './analysis.service.js'

@ApiTags('runs')
@Controller('api/runs/:id/analysis')
export class AnalysisController {
  constructor(@Inject(AnalysisService) private readonly analysis: AnalysisService) {}

  @Get()
  @ApiOperation({ summary: 'Confusion of labels, calibration of stated probabilities, and what became of its judges' })
  @ApiOkResponse({ standardSchema: AnalysisSchema })
  read(@Param('id') id: string): Promise<Analysis> {
    return this.analysis.ofRun(id)
  }
}
