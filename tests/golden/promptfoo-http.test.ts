// Imported HTTP providers against promptfoo itself: what the service is sent, and what is taken for its answer; promptfoo-http.mjs made the file.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { convertPromptfoo } from '../../experiments/interchange/promptfoo/convert.js'
import { EndpointSchema, NamedPromptSchema } from '../../server/contracts/index.js'
import { PromptBuilder, type PromptItem } from '../../workers/prompt-builder.js'
import { CallGate } from '../../workers/providers/gate.js'
import { openEndpoint } from '../../workers/providers/open-endpoint.js'
import { fieldsRead } from '../../workers/runners/fields-read.js'

const HeardSchema = z.object({ method: z.string(), url: z.string(), headers: z.record(z.string(), z.string()), body: z.unknown() })
const golden = z
  .object({
    version: z.string(),
    key: z.string(),
    evaluations: z.array(z.object({ config: z.unknown(), asked: z.array(HeardSchema), rows: z.array(z.object({ provider: z.string(), who: z.string(), output: z.unknown() })) })),
  })
  .parse(JSON.parse(readFileSync(new URL('promptfoo-http.json', import.meta.url), 'utf8')))

const ADDRESS = 'http://127.0.0.1:1'
const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
const sorted = (values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value)).sort()

/** Says what it was asked, as the one did that promptfoo asked. */
async function service(): Promise<{ here: string; asked: z.infer<typeof HeardSchema>[] }> {
  const asked: z.infer<typeof HeardSchema>[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const { authorization, 'x-api-key': key, 'content-type': type } = request.headers
      const heard = { method: request.method, url: request.url, headers: { authorization, 'x-api-key': key, 'content-type': type }, body: type?.includes('json') === true ? (JSON.parse(text) as unknown) : text }
      asked.push(HeardSchema.parse(JSON.parse(JSON.stringify(heard))))
      response.end(JSON.stringify({ asked: heard, choices: [{ message: { content: `said ${text.length > 0}` } }] }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { here: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

function imported(config: unknown, here: string): { items: PromptItem[]; models: unknown[]; prompts: unknown[] } {
  const folder = mkdtempSync(join(tmpdir(), 'bancada-golden-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config).replaceAll(ADDRESS, here))
  const { files } = convertPromptfoo(join(folder, 'config.json'), { env: {}, skipUnsupported: false })
  const [items, experiment] = ['.jsonl', '.yaml'].map((ending) => files.findLast(({ path }) => path.endsWith(ending))?.text ?? '')
  const { axes, fixed } = parse(experiment ?? '') as Record<'axes' | 'fixed', { model?: unknown; prompt?: unknown }>
  const each = (name: 'model' | 'prompt'): unknown[] => (Array.isArray(axes[name]) ? axes[name] : [fixed[name]])
  return { items: (items ?? '').trim().split('\n').map((line) => JSON.parse(line) as PromptItem), models: each('model'), prompts: each('prompt') }
}

it.each(golden.evaluations.map((evaluation, index) => [index + 1, evaluation] as const))(`asks and reads as promptfoo ${golden.version} does (config %i)`, async (_, { config, asked, rows }) => {
  const { here, asked: heard } = await service()
  const { items, models, prompts } = imported(config, here)
  const answers: [string, string, string][] = []
  for (const ref of models) {
    const endpoint = EndpointSchema.parse(ref)
    const model = await openEndpoint(endpoint, { env: { HTTP_GOLDEN_KEY: golden.key }, concurrency: 1, timeoutMs: 10_000, gateFor: () => new CallGate(8), recordingsFolder: '' })
    for (const prompt of prompts.map((one) => NamedPromptSchema.parse(one))) {
      const builder = new PromptBuilder({ template: '', separator: '\n\n', ...prompt })
      for (const item of items) {
        const messages = builder.messages(item, { shots: { shots: [], negatives: [] }, steps: {}, labels: null })
        const { text } = await model.complete({ messages, maxTokens: 64, temperature: 0, stop: [], seed: 1, ...fieldsRead(model, item) })
        answers.push(['label' in endpoint ? (endpoint.label ?? '') : '', String(item['name'] ?? (item['vars'] as { id: string }).id), text])
      }
    }
  }
  expect(sorted(heard)).toEqual(sorted(asked))
  expect(sorted(answers)).toEqual(sorted(rows.map(({ provider, who, output }) => [provider, who, asText(output)])))
})
