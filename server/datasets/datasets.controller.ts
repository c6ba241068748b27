import { Controller, Get, Inject, Param, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { AddressedCountSchema, DatasetListSchema, DatasetPageSchema, DatasetProfileSchema, type DatasetList, type DatasetPage, type DatasetProfile } from '../contracts/index.js'
import { DatasetsService } from './datasets.service.js'

const PageQuerySchema = z.object({
  split: z.string().min(1).optional().describe('left out: the first split'),
  offset: AddressedCountSchema.default(0),
  limit: z.coerce.number().int().min(0).max(1_000).default(50),
})
type PageQuery = z.infer<typeof PageQuerySchema>

@ApiTags('datasets')
@Controller('api/datasets')
export class DatasetsController {
  constructor(@Inject(DatasetsService) private readonly datasets: DatasetsService) {}

  @Get()
  @ApiOperation({ summary: 'Datasets that experiments can name' })
  @ApiOkResponse({ standardSchema: DatasetListSchema })
  list(): Promise<DatasetList> {
    return this.datasets.list()
  }

  @Get(':name/profile')
  @ApiOperation({ summary: 'Lengths and labels by split, duplicates, and items that stand in two splits' })
  @ApiOkResponse({ standardSchema: DatasetProfileSchema })
  profile(@Param('name') name: string): Promise<DatasetProfile> {
    return this.datasets.profile(name)
  }

  @Get(':name')
  @ApiOperation({ summary: 'One dataset with a page of its items' })
  @ApiOkResponse({ standardSchema: DatasetPageSchema })
  page(@Param('name') name: string, @Query({ schema: PageQuerySchema }) query: PageQuery): Promise<DatasetPage> {
    return this.datasets.page(name, query)
  }
}
