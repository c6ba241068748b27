import { z } from 'zod'
import { ExperimentSpecSchema, KINDS, PARAMETERS_BY_KIND, type ExperimentForm, type FormKind, type FormParameter, type Kind } from '../server/contracts/index.js'
import { METRICS, metricsOfKind } from './metrics.js'

/** Schemas as JSON Schema; what it cannot say, such as a regular expression that must compile, the server checks. */
function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}

function parameterOf(name: string, field: z.ZodType): FormParameter {
  const { default: preset, description = '', ...schema } = jsonSchemaOf(field)
  const parameter = { name, description: String(description), schema }
  return preset === undefined ? parameter : { ...parameter, default: preset as FormParameter['default'] }
}

function kindOf(kind: Kind): FormKind {
  return {
    kind,
    parameters: Object.entries<z.ZodType>(PARAMETERS_BY_KIND[kind].shape).map(([name, field]) => parameterOf(name, field)),
    metrics: metricsOfKind(kind).map((id) => ({ id, label: METRICS[id]?.label ?? id, description: METRICS[id]?.description ?? '' })),
  }
}

/** Everything a form for an experiment file needs to know, from the same schemas that check the file. */
export function experimentForm(): ExperimentForm {
  return { kinds: KINDS.map(kindOf), file: jsonSchemaOf(ExperimentSpecSchema) }
}
