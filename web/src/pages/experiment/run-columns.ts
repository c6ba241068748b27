import type { PairedTest } from '../../../../server/contracts/compare.js'
import type { Experiment, Run } from '../../../../server/contracts/run.js'
import { metricStyle } from '../../format.js'
import { say } from '../../i18n.js'
import type { SortValue } from '../../table-sort.js'
import { meanOf, metricsOfRuns, toldOf } from './run-facts.js'

export interface RunColumn {
  id: string
  label: string
  title?: string
  kind: 'name' | 'axis' | 'status' | 'metric' | 'delta' | 'latency' | 'live' | 'tokens' | 'cost' | 'duration' | 'checkpoint'
  /** Axis, metric, percentile or series key that the column shows. */
  of: string
  startsDescending: boolean
  value: (run: Run) => SortValue
}

const STATUS_ORDER = ['running', 'queued', 'waiting', 'succeeded', 'stopped', 'failed', 'cancelled']

/** The columns that this experiment's runs have something to say in, in reading order. */
export function runColumns(experiment: Experiment, tests: ReadonlyMap<string, PairedTest>): RunColumn[] {
  const { runs, kind, primaryMetric } = experiment
  const axes = Object.keys(experiment.axes)
  const isTraining = kind === 'lora' || kind === 'pretrain'
  const column = (id: string, label: string, more: Omit<RunColumn, 'id' | 'label' | 'of' | 'startsDescending'> & Partial<RunColumn>): RunColumn => ({ id, label, of: id, startsDescending: false, ...more })
  const metric = (name: string): RunColumn =>
    column(`metric:${name}`, metricStyle(name).label, { kind: 'metric', of: name, startsDescending: metricStyle(name, toldOf(runs, name)).higherIsBetter, value: (run) => meanOf(run, name) })
  const latency = (of: 'p50Ms' | 'p95Ms', label: string): RunColumn => column(of, label, { kind: 'latency', title: say('Latency per item', 'Latência por item'), value: (run) => run.summary?.latency?.[of] })
  const [, ...others] = metricsOfRuns(experiment)
  const hasLatency = runs.some((run) => run.summary?.latency)

  return [
    column('run', say('Run', 'Execução'), { kind: 'name', value: (run) => run.cell * 1000 + run.repeat }),
    ...(axes.length > 1 ? axes : []).map((axis) => column(`axis:${axis}`, axis, { kind: 'axis', of: axis, value: (run) => sortable(run.varied[axis]) })),
    column('status', say('Status', 'Estado'), { kind: 'status', value: (run) => STATUS_ORDER.indexOf(run.status) }),
    metric(primaryMetric),
    ...(runs.length > 1 ? [column('delta', say('Δ baseline', 'Δ referência'), { kind: 'delta', title: say('Paired difference to the baseline', 'Diferença pareada em relação à referência'), startsDescending: true, value: (run) => tests.get(run.id)?.difference })] : []),
    ...others.map(metric),
    ...(isTraining ? [column('live', say('Eval loss, last', 'Última perda de validação'), { kind: 'live', of: 'eval/loss', value: (run) => numberOf(run.latest['eval/loss']) })] : []),
    ...(isTraining ? [column('checkpoint', say('Best step', 'Melhor passo'), { kind: 'checkpoint', title: say('Picked checkpoint, else the best one by rule', 'Checkpoint escolhido, senão o melhor pela regra'), value: (run) => run.pickedStep ?? run.summary?.bestStep })] : []),
    ...(hasLatency ? [latency('p50Ms', 'p50'), latency('p95Ms', 'p95')] : []),
    ...(runs.some((run) => run.summary?.tokensIn != null || run.summary?.tokensOut != null)
      ? [column('tokens', say('Tokens in / out', 'Tokens entrada / saída'), { kind: 'tokens', value: (run) => (run.summary?.tokensIn ?? 0) + (run.summary?.tokensOut ?? 0) })]
      : []),
    column('cost', say('Cost', 'Custo'), { kind: 'cost', value: (run) => run.summary?.costUsd }),
    column('duration', say('Duration', 'Duração'), { kind: 'duration', value: (run) => run.summary?.durationMs }),
  ]
}

const numberOf = (value: number | string | undefined): number | null => (value === undefined ? null : Number(value))

const sortable = (value: unknown): SortValue => (typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value))
