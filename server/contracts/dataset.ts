import { z } from 'zod'

export const DatasetTaskSchema = z.enum(['classification', 'generation', 'chat', 'retrieval', 'text'])
export type DatasetTask = z.infer<typeof DatasetTaskSchema>

/** `dataset.yaml` of a folder in datasets/. Paths are relative to it. */
export const DatasetManifestSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]*$/),
  title: z.string().min(1),
  task: DatasetTaskSchema,
  language: z.string().min(2),
  licence: z.string().min(1),
  source: z.string().min(1),
  description: z.string().default(''),
  labels: z.array(z.string().min(1)).min(2).optional().describe('for classification: every target is one of these'),
  splits: z.record(z.string(), z.string()).describe('JSONL file of each split'),
  documents: z.string().optional().describe('for retrieval: JSONL file of the documents'),
})
export type DatasetManifest = z.infer<typeof DatasetManifestSchema>

const id = z.union([z.string().min(1), z.number()]).transform(String)

/** Further fields are kept: templates may use them. */
export const LabelledItemSchema = z.looseObject({ id, input: z.string(), target: z.string(), cluster: z.string().optional() })
export type LabelledItem = z.infer<typeof LabelledItemSchema>

export const QuestionSchema = z.looseObject({
  id,
  question: z.string().min(1),
  answer: z.string().min(1),
  document: z.string().min(1),
  passage: z.string().min(1),
  start: z.number().int().nonnegative().describe('character offset of the passage in the document'),
  end: z.number().int().positive(),
})
export type Question = z.infer<typeof QuestionSchema>

export const TextItemSchema = z.looseObject({ id, text: z.string().min(1), lang: z.string().optional() })
export type TextItem = z.infer<typeof TextItemSchema>

export const DocumentSchema = z.looseObject({ id, title: z.string(), text: z.string().min(1) })
export type Document = z.infer<typeof DocumentSchema>

export const DatasetInfoSchema = DatasetManifestSchema.extend({
  hash: z.string().describe('sha256 over the manifest and all its files'),
  sizes: z.record(z.string(), z.number().int()).describe('items of each split'),
})
export type DatasetInfo = z.infer<typeof DatasetInfoSchema>
