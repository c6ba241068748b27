import { z } from 'zod'
import { KindSchema, ParameterValueSchema } from './experiment.js'
import { EndpointSchema } from './models.js'

/** What a form for an experiment file is made of. */

export const FormParameterSchema = z.object({
  name: z.string(),
  description: z.string(),
  default: ParameterValueSchema.optional().describe('left out: the parameter is optional and has none'),
  schema: z.record(z.string(), z.unknown()).describe('JSON Schema 2020-12 of one value'),
})
export type FormParameter = z.infer<typeof FormParameterSchema>

export const FormKindSchema = z.object({
  kind: KindSchema,
  parameters: z.array(FormParameterSchema).describe('in the order of the documentation'),
  metrics: z.array(z.object({ id: z.string(), label: z.string(), description: z.string() })),
})
export type FormKind = z.infer<typeof FormKindSchema>

export const ExperimentFormSchema = z.object({
  kinds: z.array(FormKindSchema),
  file: z.record(z.string(), z.unknown()).describe('JSON Schema 2020-12 of the whole experiment file'),
})
export type ExperimentForm = z.infer<typeof ExperimentFormSchema>

export const ModelListSchema = z.object({
  models: z.array(
    z.object({
      name: z.string().describe('as the experiment file names it: a folder, a .gguf file, or run:ID'),
      origin: z.enum(['folder', 'gguf', 'run']),
      title: z.string().describe('of a run: its experiment and its name; else empty'),
    }),
  ),
  endpoints: z.array(EndpointSchema).describe('that experiments here have named, the latest first'),
})
export type ModelList = z.infer<typeof ModelListSchema>
