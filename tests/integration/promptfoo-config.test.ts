/* Configs of promptfoo, unchanged, through the command line into runs: on an endpoint of the test's own, and on the shipped model. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Comparison, Example, ExamplePage, Experiment, ExperimentPage } from '../../server/contracts/index.js'
import { root, Running, type Server, startServer, temporaryFolder } from '../support/bancada.js'

interface Call {
  model: string
  messages: { role: string; content: string }[]
  temperature?: number
  max_tokens?: number
}

/** Speaks French badly unless told to convert, is a pirate, judges by rubric, and embeds by the letters of a text. */
function answer({ model, messages }: Call): string {
  const prompt = messages.at(-1)?.content ?? ''
  if (prompt.startsWith('RUBRIC')) return JSON.stringify({ reason: 'as asked', pass: prompt.includes('Arrr'), score: prompt.includes('Arrr') ? 0.9 : 0.1 })
  if (prompt.startsWith('Convert') && prompt.includes('French')) return 'Bonjour le monde'
  if (prompt.includes('Spanish') && model === 'gpt-4.1') return 'DÓNDE ESTÁ LA BIBLIOTECA?'
  if (/pirate/i.test(prompt)) return prompt.includes('Yes') ? 'Yarr' : prompt.includes('Hello world') ? 'Ahoy, world' : 'Arrr, grub!'
  return 'Bonjour'
}

const vectorOf = (text: string): number[] => Array.from({ length: 26 }, (_, letter) => [...text.toLowerCase()].filter((character) => character.codePointAt(0) === 97 + letter).length)

describe('import promptfoo', () => {
  const calls: Call[] = []
  /** What a service that speaks no protocol of models was asked. */
  const asked: { url: string | undefined; key: string | undefined; body: unknown }[] = []
  let home: Awaited<ReturnType<typeof temporaryFolder>>
  let server: Server
  let baseUrl: string
  const endpoint = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Call & { input: string[] }
      if (request.url?.startsWith('/ask') === true) {
        const heard = JSON.parse(Buffer.concat(chunks).toString()) as { question: string }
        asked.push({ url: request.url, key: request.headers.authorization, body: heard })
        response.end(JSON.stringify({ answer: { text: `${heard.question.toUpperCase()}!` }, tokenUsage: { prompt: 3, completion: 2 } }))
        return
      }
      const isEmbedding = request.url?.endsWith('/embeddings') === true
      if (!isEmbedding) calls.push(body)
      const said = isEmbedding ? { data: body.input.map((text, index) => ({ index, embedding: vectorOf(text) })) } : { choices: [{ message: { content: answer(body) }, finish_reason: 'stop' }], usage: { prompt_tokens: 5, completion_tokens: 3 } }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(said))
    })
  })

  beforeAll(async () => {
    home = await temporaryFolder()
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve))
    baseUrl = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/v1`
    server = await startServer(home.path, { args: ['--no-examples'], env: { OPENAI_API_KEY: 'sk-for-this-test', BOT_KEY: 'bot-key' } })
  })
  afterAll(async () => {
    await server.stop()
    endpoint.closeAllConnections()
    endpoint.close()
    await home[Symbol.asyncDispose]()
  })

  const importConfig = async (example: string, ...args: string[]): Promise<{ code: number | null; output: string }> => {
    const config = join(root, 'tests/fixtures/promptfoo', example, 'promptfooconfig.yaml')
    const running = new Running('server/cli/bancada.js', ['import', 'promptfoo', config, ...args], { BANCADA_SERVER: server.url, BANCADA_HOME: home.path, OPENAI_BASE_URL: baseUrl })
    const { code } = await running.ended
    return { code, output: running.output }
  }
  const latest = async (): Promise<Experiment> => {
    const { experiments } = await server.get<ExperimentPage>('/api/experiments')
    return server.get<Experiment>(`/api/experiments/${experiments[0]?.id}`)
  }
  const examplesOf = async (runId: string | undefined): Promise<Example[]> => (await server.get<ExamplePage>(`/api/runs/${runId}/examples`)).examples

  it('runs prompts × providers, scored by the assertions of each test, and compares them in pairs', async () => {
    const { code, output } = await importConfig('getting-started', '--run', '--wait')
    expect([code, output]).toEqual([0, expect.stringContaining('4 runs: prompts × providers × repeats')])
    const { runs, primaryMetric } = await latest()
    expect(primaryMetric).toBe('pass')
    expect(runs.map(({ name, summary }) => [name, summary?.metrics['pass']?.mean])).toEqual([
      ['model=gpt-4.1, prompt=Convert this English to {{langu…', 1],
      ['model=gpt-4.1, prompt=Translate to {{language}}: {{in…', 0.5],
      ['model=o4-mini, prompt=Convert this English to {{langu…', 0.5],
      ['model=o4-mini, prompt=Translate to {{language}}: {{in…', 0],
    ])
    const spanish = (await examplesOf(runs[0]?.id)).find(({ output: text }) => text.startsWith('DÓNDE'))
    expect(spanish).toMatchObject({ scores: { pass: 1, score: 1 }, details: { assertions: [{ type: 'icontains', pass: true }] } })
    const comparison = await server.get<Comparison>(`/api/compare?runs=${runs[0]?.id},${runs[3]?.id}&metric=pass`)
    expect(comparison.tests[0]).toMatchObject({ n: 2, difference: -1 })
    const report = join(home.path, 'report.json')
    const reported = new Running('server/cli/bancada.js', ['report', '--experiment', runs[0]?.experimentId ?? '', '--format', 'promptfoo', '--out', report], { BANCADA_SERVER: server.url })
    expect((await reported.ended).code).toBe(0)
    const { results } = JSON.parse(await readFile(report, 'utf8')) as { results: { prompts: { raw: string }[]; results: { gradingResult: { componentResults: unknown[] } }[] } }
    expect(results.prompts[0]?.raw).toBe('Convert this English to {{language}}: {{input}}')
    expect(results.results[0]?.gradingResult.componentResults).toEqual([{ pass: true, score: 1, reason: 'it holds', assertion: { type: 'contains' } }])
    expect(calls.filter(({ model }) => model === 'o4-mini').every((call) => !('temperature' in call) && call.max_tokens === 1024)).toBe(true)
    expect(calls.find(({ model }) => model === 'gpt-4.1')?.temperature).toBe(0)
  })

  it('refuses code by its place and writes nothing; then runs the rest with judges and vectors', async () => {
    const refused = await importConfig('simple-test', '--run')
    expect([refused.code, refused.output]).toEqual([2, expect.stringContaining('promptfooconfig.yaml:34 tests[3].assert[1].type: the assertion python')])
    const { code, output } = await importConfig('simple-test', '--run', '--wait', '--skip-unsupported')
    expect([code, output]).toEqual([0, expect.stringContaining('Left out: promptfooconfig.yaml:34 tests[3].assert[1].type: the assertion python')])
    const { runs, notes } = await latest()
    expect(notes).toContain('- left out: promptfooconfig.yaml:34 tests[3].assert[1].type')
    const examples = await examplesOf(runs[0]?.id)
    // In the order in which they were answered, which is not that of the tests.
    const scored = examples.map(({ scores }) => [Number(scores['pass']), Number(scores['score'])] as const).toSorted(([, one], [, other]) => one - other)
    const whole = [1, expect.closeTo(1, 6)]
    expect(scored).toEqual([[0, 0], [1, 0.95], whole, whole, whole])
    const judged = examples.find(({ scores }) => scores['score'] === 0.95)
    expect(judged?.details).toMatchObject({ assertions: [{ type: 'llm-rubric', score: 0.9, reason: 'as asked' }, { type: 'icontains', pass: true }] })
  })

  it('asks a service that speaks no protocol of models, and pays for no answer twice', async () => {
    const config = join(home.path, 'bot.yaml')
    const provider = `{ id: '${baseUrl.replace('/v1', '')}/ask/{{ tenant }}', label: bot, config: { method: POST, headers: { Authorization: 'Bearer {{env.BOT_KEY}}' }, body: { question: '{{prompt}}', n: 3 }, transformResponse: json.answer.text } }`
    await writeFile(config, `description: A bot\nprompts: ['say {{ word }}']\nproviders: [${provider}]\ntests:\n  - { vars: { word: yes, tenant: a }, assert: [{ type: equals, value: 'SAY YES!' }] }\n  - { vars: { word: no, tenant: b }, assert: [{ type: gleu, value: 'say yes!' }] }\n`)
    const run = async (): Promise<Experiment> => {
      const importing = new Running('server/cli/bancada.js', ['import', 'promptfoo', config, '--run', '--wait'], { BANCADA_SERVER: server.url, BANCADA_HOME: home.path })
      expect([(await importing.ended).code, importing.output]).toEqual([0, expect.stringContaining('reads BOT_KEY of the worker')])
      return latest()
    }
    const { runs } = await run()
    expect(runs[0]?.summary).toMatchObject({ metrics: { pass: { mean: 0.5, n: 2 } }, tokensIn: 6, tokensOut: 4 })
    expect(asked.toSorted((one, other) => String(one.url).localeCompare(String(other.url)))).toEqual(['yes', 'no'].map((word, index) => ({ url: `/ask/${'ab'[index]}`, key: 'Bearer bot-key', body: { question: `say ${word}`, n: 3 } })))
    const again = await run()
    expect([asked.length, again.runs[0]?.summary?.cachedExamples]).toEqual([2, 2])
    expect(JSON.stringify([again, await examplesOf(runs[0]?.id)])).not.toContain('bot-key')
  })

  it('sends a conversation that the config writes by loops', async () => {
    expect((await importConfig('openai-chat-history', '--run', '--wait')).code).toBe(0)
    expect(calls.at(-1)?.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user', 'assistant', 'user'])
  })

  it('asks the shipped model in place of the providers', async () => {
    const before = calls.length
    const { code, output } = await importConfig('getting-started', '--run', '--wait', '--model', 'nano-pt-en', '--max-tokens', '24', '--name', 'On the shipped model')
    expect([code, output]).toEqual([0, expect.stringContaining('2 runs')])
    const { runs } = await latest()
    expect(runs.map(({ status, summary }) => [status, summary?.metrics['pass']?.n])).toEqual([['succeeded', 2], ['succeeded', 2]])
    expect(calls).toHaveLength(before)
  })

  it('writes the same files again, and none over others', async () => {
    expect((await importConfig('simple-csv')).code).toBe(0)
    expect((await importConfig('simple-csv')).code).toBe(0)
    const other = await importConfig('getting-started', '--name', 'A translator built with LLM')
    expect([other.code, other.output]).toEqual([1, expect.stringContaining('is already there with another content; give --name')])
    expect(await readFile(join(home.path, 'datasets/a-translator-built-with-llm/test.jsonl'), 'utf8')).toContain('Pirate')
  })
})
