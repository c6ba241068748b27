import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { ExpressAdapter } from '@nestjs/platform-express'
import type { Express } from 'express'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { compressAnswers } from './compression.js'

const LONG = { runs: Array.from({ length: 2_000 }, (_, index) => ({ id: `run-${index}`, name: 'é' })) }
const app = new ExpressAdapter().getInstance<Express>()
app.use(compressAnswers)
app.get(['/api/long', '/api/worker/long'], (_request, response) => void response.json(LONG))
app.get('/api/short', (_request, response) => void response.json({ ok: true }))
app.get('/api/file', (_request, response) => void response.type('application/octet-stream').send('x'.repeat(50_000)))
app.get('/api/events', (_request, response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: x\n\n'.repeat(5_000)))
const server = app.listen(0, '127.0.0.1')
beforeAll(async () => void (server.listening || (await once(server, 'listening'))))
afterAll(() => void server.close())

async function ask(path: string, accepted?: string): Promise<{ encoding: string | undefined; vary: string | undefined; length: number; body: Buffer }> {
  const headers = accepted === undefined ? {} : { 'accept-encoding': accepted }
  const request = get({ port: (server.address() as AddressInfo).port, path, headers, agent: false })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { encoding: response.headers['content-encoding'], vary: response.headers.vary, length: Number(response.headers['content-length']), body: await buffer(response) }
}

it('packs long texts for whoever reads gzip, and says so', async () => {
  const { encoding, vary, length, body } = await ask('/api/long', 'gzip, deflate, br')
  expect([encoding, vary, length]).toEqual(['gzip', 'Accept-Encoding', body.length])
  expect(JSON.parse(gunzipSync(body).toString())).toEqual(LONG)
  expect(body.length).toBeLessThan(JSON.stringify(LONG).length / 4)
})

it.each([
  ['who does not read gzip', '/api/long', undefined],
  ['who refuses gzip', '/api/long', 'gzip;q=0, identity'],
  ['workers', '/api/worker/long', 'gzip'],
  ['short texts', '/api/short', 'gzip'],
  ['files', '/api/file', 'gzip'],
  ['streams of events', '/api/events', 'gzip'],
])('leaves the answer as it is for %s', async (_who, path, accepted) => {
  const { encoding, body } = await ask(path, accepted)
  expect(encoding).toBeUndefined()
  expect(body.length).toBeGreaterThan(0)
})
