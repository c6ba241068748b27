import { z } from 'zod'
import { JudgeReportSchema } from './scorers.js'

/** What the answers of one run say beyond their mean: which labels are taken for which, and whether stated probabilities hold. */

const end = z.number().nullable()
const ShareSchema = z.object({ value: z.number(), low: end, high: end, n: z.number().int() }).describe('a share of n with its 95 % interval: Wilson’s, or by cluster where items share one')
const FigureSchema = z.object({ value: z.number(), low: end, high: end }).describe('with a 95 % interval; null ends where there are too few items')

export const ConfusionSchema = z.object({
  labels: z.array(z.string()),
  matrix: z.array(z.array(z.number().int())).describe('items by [true label][label given]; the last column counts answers that gave no label'),
  quality: z.array(
    z.object({
      label: z.string(),
      n: z.number().int().describe('items of this label'),
      precision: ShareSchema.nullable().describe('of the answers that gave it, the share that is right; null where none gave it'),
      recall: ShareSchema.nullable().describe('of its items, the share that got it; null where there is none'),
      f1: z.number().nullable(),
    }),
  ),
  macroF1: FigureSchema.describe('mean F1 of the labels that occur or were given, each counted once'),
  accuracy: ShareSchema.nullable(),
  n: z.number().int(),
})
export type ConfusionAnswer = z.infer<typeof ConfusionSchema>

export const CalibrationSchema = z.object({
  n: z.number().int(),
  ece: FigureSchema.describe('expected calibration error over ten bins of equal width; 0 is perfect'),
  brier: FigureSchema.describe('mean squared distance of probability and outcome; 0 is perfect'),
  bins: z.array(z.object({ from: z.number(), to: z.number(), n: z.number().int(), confidence: z.number().nullable(), accuracy: ShareSchema.nullable() })),
})
export type CalibrationAnswer = z.infer<typeof CalibrationSchema>

export const PeopleAnswerSchema = z.object({
  items: z.number().int().describe('of which somebody said good or bad'),
  annotators: z.array(z.string()),
  alpha: z.number().nullable().describe('Krippendorff’s alpha among the annotators; null with one of them, or where all say the same'),
  scorers: z.record(z.string(), z.object({ n: z.number().int(), agreed: z.number().int(), kappa: z.number().nullable(), low: end, high: end })).describe('Cohen’s kappa of each scorer (0.5 and more is good) with most people, over n items that both judged'),
})
export type PeopleAnswer = z.infer<typeof PeopleAnswerSchema>

export const AnalysisSchema = z.object({
  confusion: ConfusionSchema.nullable().describe('null where the answers are no labels'),
  calibration: CalibrationSchema.nullable().describe('of the label given, its probability among all labels; null where the model told no likelihoods'),
  people: PeopleAnswerSchema.nullable().describe('null where nobody has annotated an answer'),
  judges: z.record(z.string(), JudgeReportSchema).describe('by the scorer’s name; empty where no model judged'),
})
export type Analysis = z.infer<typeof AnalysisSchema>
