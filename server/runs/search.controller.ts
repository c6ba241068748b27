import { Controller, Get, Inject, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger'
import { z } from 'zod'
import { FoundSchema, type Found } from '../contracts/index.js'
import { NameFinder } from '../store/name-finder.js'

const SearchQuerySchema = z.object({ q: z.string().trim().min(1).max(200).describe('words of a name, or an id'), limit: z.coerce.number().int().min(1).max(50).default(8) })
type SearchQuery = z.infer<typeof SearchQuerySchema>

@ApiTags('search')
@Controller('api/search')
export class SearchController {
  constructor(@Inject(NameFinder) private readonly names: NameFinder) {}

  @Get()
  @ApiOperation({ summary: 'Experiments and runs whose names or ids hold all words' })
  @ApiOkResponse({ standardSchema: FoundSchema })
  find(@Query({ schema: SearchQuerySchema }) query: SearchQuery): Promise<Found> {
    return this.names.find(query.q, query.limit)
  }
}
