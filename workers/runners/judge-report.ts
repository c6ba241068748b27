/* What became of the judges of a run: how far several agree, how often a verdict changed with the order, and whether people would agree. */
import { z } from 'zod'
import { krippendorffAlpha } from '../../experiments/statistics/agreement.js'
import type { Example, JudgeReport, Summary } from '../../server/contracts/index.js'
import type { PairVerdict, PanelVerdict } from './judges.js'

const RecordsSchema = z.record(z.string(), z.array(z.looseObject({ model: z.string() })))

/** What is known of a judge before the first item. */
export interface KnownJudge {
  models: readonly string[]
  people: JudgeReport['people'] | undefined
}

/** The summary with a report for each judge; the scores of one that people do not agree with carry a caution. */
export function withJudgeReports(summary: Summary, judges: ReadonlyMap<string, KnownJudge>, examples: readonly Example[]): Summary {
  if (judges.size === 0) return summary
  const records = examples.flatMap(({ details }) => {
    const parsed = RecordsSchema.safeParse(details['verdicts'])
    return parsed.success ? [parsed.data] : []
  })
  const reports = [...judges].map(([name, { models, people }]): [string, JudgeReport] => {
    const verdicts = records.flatMap((record) => (record[name] === undefined ? [] : [record[name] as unknown as PanelVerdict[] | PairVerdict[]]))
    return [name, { judges: [...models], ...panelOf(verdicts, models), ...pairwiseOf(verdicts), ...(people === undefined ? {} : { people }) }]
  })
  const metrics = Object.fromEntries(Object.entries(summary.metrics).map(([id, metric]) => [id, withCaution(metric, judges.get(id)?.people)]))
  return { ...summary, metrics, judges: Object.fromEntries(reports) }
}

/** Items on which at least two judges gave a verdict. */
function panelOf(verdicts: readonly (PanelVerdict | PairVerdict)[][], models: readonly string[]): Pick<JudgeReport, 'panel'> {
  if (models.length < 2) return {}
  const rows = verdicts.map((row) => row.map((verdict) => ('score' in verdict ? verdict.score : 'outcome' in verdict ? ['loss', 'tie', 'win'].indexOf(verdict.outcome) / 2 : null)))
  const shared = rows.filter((row) => row.filter((score) => score !== null).length > 1)
  const alpha = shared.length === 0 ? NaN : krippendorffAlpha(models.map((_, judge) => shared.map((row) => row[judge] ?? null)), 'interval')
  return { panel: { n: shared.length, unanimous: shared.filter((row) => new Set(row.filter((score) => score !== null)).size === 1).length, alpha: Number.isNaN(alpha) ? null : alpha } }
}

function pairwiseOf(verdicts: readonly (PanelVerdict | PairVerdict)[][]): Pick<JudgeReport, 'pairwise'> {
  const given = verdicts.flat().flatMap((verdict) => ('outcome' in verdict ? [verdict] : []))
  if (given.length === 0) return {}
  const count = (outcome: string): number => given.filter((verdict) => verdict.outcome === outcome).length
  return { pairwise: { wins: count('win'), losses: count('loss'), ties: count('tie'), inconsistent: given.filter(({ isConsistent }) => !isConsistent).length } }
}

function withCaution(metric: Summary['metrics'][string], people: JudgeReport['people'] | undefined): Summary['metrics'][string] {
  if (people === undefined || people.isTrusted) return metric
  const found = people.kappa === null ? 'its agreement with people is not known' : `its kappa with people is ${people.kappa.toFixed(2)}${people.low === null || people.high === null ? '' : ` (95 % interval ${people.low.toFixed(2)} to ${people.high.toFixed(2)})`}`
  return { ...metric, caution: `the judge is not to be trusted: ${found} on ${people.n} labelled answers, and at least ${people.minKappa} is asked for` }
}
