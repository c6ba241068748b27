/* The formats of `bancada report`, by name. */
import { AppError, type Comparison } from '../../server/contracts/index.js'
import { junitReport } from './junit.js'
import { lmEvalReport } from './lm-eval-report.js'
import { promptfooReport } from './promptfoo-report.js'
import { judgeBy, type ReportedRun, type ReportFile } from './report.js'
import { csvReport, markdownReport } from './tables.js'

export const REPORT_FORMATS = ['lm-eval', 'promptfoo', 'junit', 'csv', 'markdown'] as const
export type ReportFormat = (typeof REPORT_FORMATS)[number]

export interface ReportRequest {
  /** Left out: the primary metric of the first run. */
  metric: string | undefined
  threshold: number | undefined
  comparison: Comparison | null
  /** Of `markdown`, US dollars. */
  errorCostUsd?: number | undefined
  /** Bancada's. */
  version: string
}

/** @throws AppError `conflict` for a run without figures, `invalid_request` where answers cannot be judged */
export function formatReport(format: ReportFormat, reported: readonly ReportedRun[], request: ReportRequest): ReportFile[] {
  const unfinished = reported.find(({ run }) => run.summary === null)
  if (unfinished) throw new AppError('conflict', `Run ${unfinished.run.id} is ${unfinished.run.status} and has no figures to report.`)
  switch (format) {
    case 'lm-eval':
      return lmEvalReport(reported)
    case 'promptfoo':
      return promptfooReport(reported, judgeBy(reported, request), request)
    case 'junit':
      return junitReport(reported, judgeBy(reported, request))
    case 'csv':
      return csvReport(reported)
    case 'markdown':
      return markdownReport(reported, request)
  }
}
