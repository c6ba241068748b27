import type { ExamplePage } from '../../../../server/contracts/http.js'
import type { Example } from '../../../../server/contracts/run.js'
import { getExamples } from '../../api.js'
import { metricStyle } from '../../format.js'
import { say } from '../../i18n.js'

export const exampleFilters = (): { id: string; word: string; none: string }[] => [
  { id: '', word: say('All items', 'Todos os itens'), none: say('No item was answered so far', 'Nenhum item foi respondido até agora') },
  { id: 'wrong', word: say('Wrong', 'Errados'), none: say('No item is wrong', 'Nenhum item está errado') },
  { id: 'unscored', word: say('Not scored', 'Sem nota'), none: say('No item is without a score', 'Nenhum item está sem nota') },
  { id: 'error', word: say('Errors', 'Com erro'), none: say('No item is in error', 'Nenhum item está com erro') },
]

const WHOLE_PAGE = 1000
const HALF = 0.5

/** Wrong: nothing right of a metric that is right or wrong; less than half of a metric between 0 and 1. */
export function isWrong(example: Pick<Example, 'scores'>, metric: string, told?: Parameters<typeof metricStyle>[1]): boolean {
  const score = example.scores[metric]
  if (score === undefined) return false
  const style = metricStyle(metric, told)
  if (!style.higherIsBetter) return false
  return style.isShare ? Number(score) === 0 : Number(score) < HALF
}

interface Asked {
  id: string
  filter: string
  metric: string
  /** What the run's summary says of it. */
  told?: Parameters<typeof metricStyle>[1]
  offset: number
  limit: number
}

/** A page of a run's items. What is wrong depends on the metric, so those are picked out here. */
export async function readExamples({ id, filter, metric, told, offset, limit }: Asked, signal: AbortSignal): Promise<ExamplePage> {
  if (filter !== 'wrong') {
    const status = filter === 'unscored' || filter === 'error' ? filter : undefined
    return getExamples(id, { offset, limit, status }, signal)
  }
  const wrong: Example[] = []
  for (let start = 0, total = 1; start < total; start += WHOLE_PAGE) {
    const page = await getExamples(id, { offset: start, limit: WHOLE_PAGE, status: 'scored' }, signal)
    total = page.total
    wrong.push(...page.examples.filter((example) => isWrong(example, metric, told)))
  }
  return { total: wrong.length, examples: wrong.slice(offset, offset + limit) }
}
