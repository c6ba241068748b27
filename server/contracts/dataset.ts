import { z } from 'zod'

export const DatasetTaskSchema = z.enum(['classification', 'generation', 'chat', 'retrieval', 'text'])
export type DatasetTask = z.infer<typeof DatasetTaskSchema>

/** A file of the dataset's own folder: nothing outside it may be named, so that the hash covers all that is read. */
const OwnFileSchema = z
  .string()
  .regex(/^[^\\/][^\\]*\.jsonl$/, 'write a .jsonl file of this folder, for example train.jsonl')
  .refine((path) => !path.split('/').includes('..'), 'the file must lie inside the dataset folder, without ".."')

const ManifestFields = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'use lower-case letters, digits and hyphens'),
  title: z.string().min(1),
  task: DatasetTaskSchema,
  language: z.string().min(2).describe('BCP 47 tag, several separated by commas'),
  licence: z.string().min(1),
  source: z.string().min(1),
  labels: z.array(z.string().min(1)).min(2).optional().describe('for classification: every target is one of these'),
  splits: z
    .record(z.string().min(1), OwnFileSchema)
    .refine((splits) => Object.keys(splits).length > 0, 'name at least one split, for example test: test.jsonl')
    .describe('JSONL file of each split'),
  documents: OwnFileSchema.optional().describe('for retrieval: JSONL file of the documents'),
  description: z.string().min(1),
})

/** `dataset.yaml` of a folder in datasets/. Paths are relative to it. */
export const DatasetManifestSchema = ManifestFields.superRefine((manifest, context) => {
  if (manifest.task === 'retrieval' && manifest.documents === undefined) {
    context.addIssue({ code: 'custom', path: ['documents'], message: 'a retrieval dataset needs its documents: documents.jsonl' })
  }
  if (manifest.labels !== undefined && new Set(manifest.labels).size < manifest.labels.length) {
    context.addIssue({ code: 'custom', path: ['labels'], message: 'a label is listed twice' })
  }
})
export type DatasetManifest = z.infer<typeof DatasetManifestSchema>

export const DatasetInfoSchema = ManifestFields.extend({
  hash: z.string().describe('sha256 over the manifest and all its files'),
  sizes: z.record(z.string(), z.number().int()).describe('items of each split'),
})
export type DatasetInfo = z.infer<typeof DatasetInfoSchema>
