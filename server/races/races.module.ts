import { Module } from '@nestjs/common'
import { RaceReferee } from './race-referee.js'

@Module({ providers: [RaceReferee], exports: [RaceReferee] })
export class RacesModule {}
