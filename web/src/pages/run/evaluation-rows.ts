/* The data behind the panels of an evaluation, as the rows of a file: plain figures, nothing where nothing is known. */
import type { CalibrationAnswer, ConfusionAnswer } from '../../../../server/contracts/analysis.js'

const cell = (value: number | null | undefined): string => (value == null ? '' : String(value))

/** A row per label: its counts by label given, then precision, recall and F1 with intervals. */
export function confusionRows({ labels, matrix, quality }: ConfusionAnswer): string[][] {
  const head = ['label', ...labels.map((label) => `given ${label}`), 'given no label', 'precision', 'precision low', 'precision high', 'recall', 'recall low', 'recall high', 'f1']
  const rows = quality.map(({ label, precision, recall, f1 }, index) => [
    label,
    ...(matrix[index] ?? []).map(cell),
    ...[precision, recall].flatMap((figure) => [figure?.value, figure?.low, figure?.high].map(cell)),
    cell(f1),
  ])
  return [head, ...rows]
}

export function calibrationRows({ bins }: CalibrationAnswer): string[][] {
  const rows = bins.map(({ from, to, n, confidence, accuracy }) => [from, to, n, confidence, accuracy?.value, accuracy?.low, accuracy?.high].map(cell))
  return [['from', 'to', 'n', 'confidence', 'accuracy', 'accuracy low', 'accuracy high'], ...rows]
}
