import type { NestExpressApplication } from '@nestjs/platform-express'
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'
import { z } from 'zod'
import { ErrorBodySchema, ExperimentSpecSchema } from '../contracts/index.js'

/** The OpenAPI document, made from the same schemas that check requests; the page at /api/docs shows it. */
export function serveOpenApi(app: NestExpressApplication, version: string): void {
  SwaggerModule.setup('api/docs', app, () => describeApi(app, version), { jsonDocumentUrl: 'api/docs/json', yamlDocumentUrl: 'api/docs/yaml', customSiteTitle: 'Bancada API' })
}

function describeApi(app: NestExpressApplication, version: string): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Bancada')
    .setDescription('A workbench for LLM experiments. Every answer that is no success has the shape of Error.')
    .setVersion(version)
    .addBearerAuth()
    .build()
  const document = SwaggerModule.createDocument(app, builder, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  })
  document.components = { ...document.components, schemas: { ...document.components?.schemas, Experiment: jsonSchema(ExperimentSpecSchema), Error: jsonSchema(ErrorBodySchema) } }
  const file = { schema: { $ref: '#/components/schemas/Experiment' } }
  const failure = { description: 'Refused or failed', content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } } }
  for (const [path, item] of Object.entries(document.paths)) {
    for (const operation of [item.get, item.post, item.put, item.patch, item.delete]) {
      if (operation === undefined) continue
      operation.responses['default'] = failure
      const isExperimentFile = operation === item.post && (path === '/api/experiments' || path === '/api/experiments/estimate')
      if (isExperimentFile) operation.requestBody = { required: true, content: { 'application/json': file, 'application/yaml': file } }
      if (operation === item.put && path.startsWith('/api/worker/')) operation.requestBody = { required: true, content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } }
    }
  }
  return document
}

function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0', unrepresentable: 'any' })
  return rest
}
