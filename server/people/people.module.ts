import { Module } from '@nestjs/common'
import { AnnotationsController } from './annotations.controller.js'
import { ReviewController } from './review.controller.js'
import { ReviewService } from './review.service.js'

@Module({ controllers: [AnnotationsController, ReviewController], providers: [ReviewService] })
export class PeopleModule {}
