import { Body, Controller, Delete, Get, HttpCode, Inject, Post, Query, Res } from '@nestjs/common'
import { ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger'
import type { Response } from 'express'
import { z } from 'zod'
import { LANGUAGES } from '../../experiments/wording.js'
import {
  AnswerQueueQuerySchema,
  AnswerQueueSchema,
  PairChoiceSchema,
  PairQuerySchema,
  PairQueueQuerySchema,
  PairQueueSchema,
  PairUndoSchema,
  PreferenceResultSchema,
  RevealedPairSchema,
  VerdictResultSchema,
  type AnswerQueue,
  type PairChoice,
  type PairQueue,
  type PreferenceResult,
  type RevealedPair,
  type VerdictResult,
} from '../contracts/index.js'
import { csv, csvHeaders } from './csv.js'
import { ReviewService } from './review.service.js'

const ResultQuerySchema = PairQuerySchema.extend({ lang: z.enum(LANGUAGES).default('en').describe('language of the sentence') })
const RunQuerySchema = z.object({ run: z.string().min(1) })

@ApiTags('people')
@Controller('api/review')
export class ReviewController {
  constructor(@Inject(ReviewService) private readonly review: ReviewService) {}

  @Get('pairs')
  @ApiOperation({ summary: 'The next pairs of answers for one person, without whose they are' })
  @ApiOkResponse({ standardSchema: PairQueueSchema })
  pairs(@Query({ schema: PairQueueQuerySchema }) { a, b, ...asked }: z.infer<typeof PairQueueQuerySchema>): Promise<PairQueue> {
    return this.review.pairs({ a, b }, asked)
  }

  @Post('pairs')
  @HttpCode(200)
  @ApiOperation({ summary: 'Prefer one of two answers, or neither; tells whose they were' })
  @ApiOkResponse({ standardSchema: RevealedPairSchema })
  choose(@Body({ schema: PairChoiceSchema }) choice: PairChoice): Promise<RevealedPair> {
    return this.review.choose(choice)
  }

  @Delete('pairs')
  @HttpCode(204)
  @ApiOperation({ summary: 'Take a choice back' })
  @ApiNoContentResponse()
  undo(@Query({ schema: PairUndoSchema }) { a, b, ...said }: z.infer<typeof PairUndoSchema>): Promise<void> {
    return this.review.undo({ a, b }, said)
  }

  @Get('pairs/result')
  @ApiOperation({ summary: 'What people prefer of two runs, with interval, sign test and agreement' })
  @ApiOkResponse({ standardSchema: PreferenceResultSchema })
  result(@Query({ schema: ResultQuerySchema }) { a, b, lang }: z.infer<typeof ResultQuerySchema>): Promise<PreferenceResult> {
    return this.review.result({ a, b }, lang)
  }

  @Get('pairs/votes.csv')
  @ApiOperation({ summary: 'Every choice as a line of CSV' })
  @ApiProduces('text/csv')
  async votes(@Query({ schema: PairQuerySchema }) pair: z.infer<typeof PairQuerySchema>, @Res({ passthrough: true }) response: Response): Promise<string> {
    response.set(csvHeaders('preferences'))
    const votes = await this.review.votes(pair)
    const runOf = (side: 'a' | 'b' | 'tie'): string => (side === 'tie' ? 'tie' : pair[side])
    return csv([['item', 'annotator', 'preferred', 'left', 'time'], ...votes.map(({ itemId, annotator, choice, left, updatedAt }) => [itemId, annotator, runOf(choice), pair[left], updatedAt])])
  }

  @Get('answers')
  @ApiOperation({ summary: 'The next answers of a run that a person has not called good or bad; say so by PUT /api/annotations' })
  @ApiOkResponse({ standardSchema: AnswerQueueSchema })
  answers(@Query({ schema: AnswerQueueQuerySchema }) { run, ...asked }: z.infer<typeof AnswerQueueQuerySchema>): Promise<AnswerQueue> {
    return this.review.answers(run, asked)
  }

  @Get('answers/result')
  @ApiOperation({ summary: 'The share of good answers of a run as people see them, with interval and agreement; comparisons have it as the metric human' })
  @ApiOkResponse({ standardSchema: VerdictResultSchema })
  verdicts(@Query({ schema: RunQuerySchema }) { run }: z.infer<typeof RunQuerySchema>): Promise<VerdictResult> {
    return this.review.verdicts(run)
  }
}
