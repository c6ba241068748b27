import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { MOST_COMPARED_RUNS } from '../contracts/index.js'
import { Client } from './client.js'
import { list, type Output, show } from './commands.js'

/** A server that knows these paths, a client of it, and what the command printed. */
async function answering(pages: Record<string, unknown>): Promise<{ client: Client; output: Output; printed: string[] }> {
  const server = createServer((request, response) => {
    const page = pages[(request.url ?? '').split('?')[0] ?? '']
    response.statusCode = page === undefined ? 404 : 200
    response.end(JSON.stringify(page ?? { error: { code: 'not_found', message: `nothing at ${request.url}`, requestId: 'r' } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const printed: string[] = []
  return { client: new Client(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), output: { json: false, print: (text) => printed.push(text), note: () => undefined }, printed }
}

const experiment = { id: 'e', name: 'Wide', kind: 'prompt', dataset: 'spam', status: 'succeeded', primaryMetric: 'accuracy', errorCostUsd: null, expectedCosts: [] }

it('shows a sweep of more runs than are compared in pairs, and says so', async () => {
  const runs = Array.from({ length: MOST_COMPARED_RUNS + 1 }, (_, index) => ({ id: `r${index}`, name: `shots=${index}`, status: 'succeeded', summary: null, pickedStep: null, race: null }))
  const { client, output, printed } = await answering({ '/api/experiments/e': { ...experiment, runs } })
  await show(client, output, { id: 'e', errorCostUsd: undefined })
  expect(printed.join('\n')).toContain('shots=200')
  expect(printed.join('\n')).toContain('Note: 201 finished runs, and at most 200 are compared in pairs: name those that matter to npx bancada compare.')
})

it('says how many experiments stand behind those that it lists', async () => {
  const { client, output, printed } = await answering({ '/api/experiments': { experiments: [{ ...experiment, runCounts: { succeeded: 2, failed: 0 }, createdAt: '2026-01-01T10:00:00Z' }], total: 8, next: 'e' } })
  await list(client, output, '')
  expect(printed.join('\n')).toMatch(/Wide +prompt +spam +succeeded +2 succeeded +2026-01-01 10:00[^]*… and 7 older ones; words find among them/)
})
