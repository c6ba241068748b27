/** A run against an endpoint that asks for a key: what it pays for it keeps, and the key stays where it is. */
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { CreatedExperiment, Example, Run } from '../../server/contracts/index.js'
import { bancada, isOver, startServer, temporaryFolder, until } from '../support/bancada.js'

const KEY = 'sk-do-not-write-me-down-4f1c'

async function endpoint(): Promise<{ baseUrl: string; prompts: string[]; keys: Set<string | undefined> }> {
  const prompts: string[] = []
  const keys = new Set<string | undefined>()
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      prompts.push(body)
      keys.add(request.headers.authorization)
      // Every tenth call is turned away with a message that repeats the key, as some endpoints do.
      if (prompts.length % 10 === 0) {
        response.writeHead(429, { 'content-type': 'application/json', 'retry-after-ms': '20' })
        response.end(JSON.stringify({ error: { message: `key ${KEY} is over its limit` } }))
        return
      }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ choices: [{ message: { content: 'ham' }, finish_reason: 'stop' }], usage: { prompt_tokens: 50, completion_tokens: 1 } }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, prompts, keys }
}

it('stops at its budget, goes on when it is raised, asks nothing twice and writes no key', async () => {
  const { baseUrl, prompts, keys } = await endpoint()
  await using home = await temporaryFolder()
  let logs: string
  {
    await using server = await startServer(home.path, { args: ['--no-examples'], env: { TINY_KEY: KEY } })
    const model = { provider: 'openai', baseUrl, model: 'tiny', apiKeyEnv: 'TINY_KEY', price: { inputPerMillion: 1, outputPerMillion: 2 } }
    const spec = { name: 'Keys', kind: 'prompt', dataset: 'spam', model, fixed: { limit: 40, concurrency: 4 }, metrics: ['accuracy'] }
    const id = (await server.post<CreatedExperiment>('/api/experiments', { ...spec, budget: { calls: 25 } })).runs[0]?.id ?? ''
    const stopped = await until(() => server.get<Run>(`/api/runs/${id}`), isOver)
    expect([stopped.status, stopped.error?.code]).toEqual(['failed', 'budget_exceeded'])
    expect(stopped.summary?.metrics['accuracy']?.n).toBeGreaterThan(10)

    expect((await bancada(server.url, 'retry', id, '--calls', '200')).code).toBe(0)
    const done = await until(() => server.get<Run>(`/api/runs/${id}`), isOver)
    expect([done.status, done.error]).toEqual(['succeeded', null])
    expect(done.summary?.metrics['accuracy']?.n).toBe(40)
    // Another experiment with the same prompts finds every reply.
    const asked = prompts.length
    const again = (await server.post<CreatedExperiment>('/api/experiments', { ...spec, name: 'Again' })).runs[0]?.id ?? ''
    const found = await until(() => server.get<Run>(`/api/runs/${again}`), isOver)
    expect(found.summary).toMatchObject({ spentUsd: 0, cachedExamples: 40, latency: null, metrics: { accuracy: { n: 40 } } })
    expect(prompts).toHaveLength(asked)
    expect(asked - Math.floor(asked / 10)).toBe(40)
    expect(keys).toEqual(new Set([`Bearer ${KEY}`]))
    const { examples } = await server.get<{ examples: Example[] }>(`/api/runs/${id}/examples?limit=100`)
    expect(JSON.stringify([examples, done, await server.get(`/api/runs/${id}/logs`), await server.get('/api/providers')])).not.toContain(KEY)
    await server.stop()
    logs = server.output
  }
  expect(logs).not.toContain(KEY)
  for (const entry of readdirSync(home.path, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) expect(readFileSync(join(entry.parentPath, entry.name)).includes(KEY), entry.name).toBe(false)
  }
})
