import type { OwnDecoding } from '../../server/contracts/index.js'
import type { AccountedModel } from './accounted-model.js'

/** A model whose own settings win over those it is asked with. The key of a call is made of what is really asked. */
export function withOwnDecoding(model: AccountedModel, decoding: OwnDecoding): AccountedModel {
  return {
    name: model.name,
    concurrency: model.concurrency,
    complete: (request) => model.complete({ ...request, ...decoding }),
    scoreContinuations: model.scoreContinuations,
    ...(model.variables === undefined ? {} : { variables: model.variables }),
    continuesText: (messages) => model.continuesText(messages),
    close: () => model.close(),
  }
}
