/** What parameters and metrics are, in the reader's language. */
import { METRICS_IN_PORTUGUESE, PARAMETERS_IN_PORTUGUESE } from '../../../../experiments/form-words.js'
import { PORTUGUESE_LABELS } from '../../../../experiments/metrics.js'
import type { FormKind, FormParameter } from '../../../../server/contracts/form.js'
import { say } from '../../i18n.js'

type FormMetric = FormKind['metrics'][number]

/** The English ones are those of the documentation, where they may hold Markdown. */
export function descriptionOf(kind: unknown, { name, description }: Pick<FormParameter, 'name' | 'description'>): string {
  const english = description.replaceAll('`', '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
  const ofKind: Readonly<Record<string, string>> | undefined = Object.entries(PARAMETERS_IN_PORTUGUESE).find(([one]) => one === kind)?.[1]
  return say(english, ofKind?.[name] ?? english)
}

export const metricLabel = ({ id, label }: FormMetric): string => say(label, PORTUGUESE_LABELS[id] ?? label)
export const metricDescription = ({ id, description }: FormMetric): string => say(description, METRICS_IN_PORTUGUESE[id] ?? description)
