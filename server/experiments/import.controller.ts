import { Body, Controller, Inject, Post } from '@nestjs/common'
import { ApiCreatedResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { ImportAnswerSchema, ImportRequestSchema, type ImportAnswer, type ImportRequest } from '../contracts/index.js'
import { ImportService } from './import.service.js'

@ApiTags('experiments')
@Controller('api/import')
export class ImportController {
  constructor(@Inject(ImportService) private readonly imports: ImportService) {}

  @Post()
  @ApiOperation({ summary: 'Take in results that were made elsewhere, as finished runs', description: 'All experiments of the request are stored, or none.' })
  @ApiCreatedResponse({ standardSchema: ImportAnswerSchema })
  create(@Body({ schema: ImportRequestSchema }) { experiments }: ImportRequest): Promise<ImportAnswer> {
    return this.imports.create(experiments)
  }
}
