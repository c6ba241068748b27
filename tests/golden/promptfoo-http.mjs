// Makes promptfoo-http.json: what promptfoo's HTTP provider sends for a config and what it takes for the answer. Needs
// promptfoo 0.123.1 in the folder given: node promptfoo-http.mjs FOLDER > promptfoo-http.json
// The service is one on loopback that says what it was asked; nobody else is.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

/** Stands in the file where the service's address was. */
const ADDRESS = 'http://127.0.0.1:1'
const KEY = 'golden-key'
const chat = { method: 'POST', transformResponse: 'json.choices[0].message.content' }
const at = (path, label, config, more = {}) => ({ id: `${ADDRESS}${path}`, label, config, ...more })
const cases = [
  {
    prompts: ['Say {{ word }} to {{ name }}', 'A {{ word }}\nwith "quotes" and {{ look.color }}'],
    providers: [
      at('/chat', 'object', { ...chat, headers: { 'X-Api-Key': '{{env.HTTP_GOLDEN_KEY}}' }, body: { model: 'm', messages: [{ role: 'user', content: '{{prompt}}' }], meta: { user: '{{ name }}', n: 7, on: true, none: null, look: '{{ look | dump }}' } } }),
      { id: 'http', label: 'by url', config: { url: `${ADDRESS}/say`, method: 'POST', body: 'q={{ prompt }}&who={{ name }}', responseParser: 'text' } },
      at('/get', 'get', { method: 'GET', queryParams: { q: '{{ prompt }}', who: '{{ name | upper }}' }, transformResponse: '({ output: json.asked.url.length, tokenUsage: { prompt: 3, completion: 4, total: 7 } })' }),
      at('/in/{{ name }}?x=1', 'json text', { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"question": {{ prompt | dump }}, "many": {% if n > 3 %}true{% else %}false{% endif %}}', transformResponse: 'json.asked' }),
      at('/chat', 'bearer', { method: 'POST', auth: { type: 'bearer', token: '{{ env.HTTP_GOLDEN_KEY }}' }, body: { q: '{{prompt}}' }, transformResponse: '(json, text) => json.choices[0].message.content.toUpperCase()' }),
      at('/chat', 'api key', { method: 'POST', auth: { type: 'api_key', keyName: 'code', value: '{{ env.HTTP_GOLDEN_KEY }}', placement: 'query' }, body: '{"q": "{{ prompt }}"}', headers: { 'content-type': 'application/json' }, transformResponse: 'context.response.status + ": " + (json?.missing ?? "nothing")' }),
    ],
    tests: [{ vars: { word: 'hello', name: 'ana', n: 7, look: { color: 'red' } } }, { vars: { word: '[1, 2]', name: 'bo', n: 2, look: { color: '{"a": 1}' } } }],
  },
  {
    prompts: ['[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{ word }}?"}]'],
    providers: [at('/chat', 'messages', { ...chat, body: { messages: '{{prompt}}' } }), at('/whole/{{ id }}', 'whole', { method: 'POST', body: { messages: '{{ prompt }}', input: '{{ input }}' } })],
    tests: [{ vars: { word: 'hello', input: 'an input', id: 'z 9' } }],
  },
]

let asked = []
const server = createServer((request, response) => {
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const text = Buffer.concat(chunks).toString()
    const { authorization, 'x-api-key': key, 'content-type': type } = request.headers
    const heard = { method: request.method, url: request.url, headers: { authorization, 'x-api-key': key, 'content-type': type }, body: type?.includes('json') ? JSON.parse(text) : text }
    asked.push(heard)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ asked: heard, choices: [{ message: { content: `said ${text.length > 0}` } }] }))
  })
})
await new Promise((done) => server.listen(0, '127.0.0.1', done))
const here = `http://127.0.0.1:${server.address().port}`
const folder = mkdtempSync(join(tmpdir(), 'promptfoo-http-'))

async function evaluated(config) {
  const [path, out] = [join(folder, 'config.json'), join(folder, 'out.json')]
  writeFileSync(path, JSON.stringify(config).replaceAll(ADDRESS, here))
  const env = { ...process.env, HTTP_GOLDEN_KEY: KEY, PROMPTFOO_DISABLE_TELEMETRY: '1', PROMPTFOO_DISABLE_UPDATE: '1', PROMPTFOO_DISABLE_REMOTE_GENERATION: 'true', PROMPTFOO_DISABLE_SHARING: '1', PROMPTFOO_CONFIG_DIR: join(folder, '.promptfoo') }
  asked = []
  await promisify(execFile)(process.execPath, [resolve(process.argv[2], 'node_modules/promptfoo/dist/src/main.js'), 'eval', '-c', path, '-j', '1', '--no-cache', '--no-write', '--no-table', '--no-progress-bar', '-o', out], { env, cwd: folder })
  const { results, metadata } = JSON.parse(readFileSync(out, 'utf8').replaceAll(here, ADDRESS))
  const rows = results.results.map(({ provider, prompt, vars, response }) => ({ provider: provider.label, prompt: prompt.raw, who: vars.name ?? vars.id, output: response.output }))
  return { version: metadata.promptfooVersion, config, asked, rows }
}

const evaluations = []
for (const config of cases) evaluations.push(await evaluated(config))
server.close()
server.closeAllConnections()
process.stdout.write(`${JSON.stringify({ version: evaluations[0].version, key: KEY, evaluations: evaluations.map(({ version: _version, ...rest }) => rest) }, null, 1)}\n`)
