import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Template } from '@huggingface/jinja'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import type { AppError, Endpoint, NamedPrompt } from '../../../server/contracts/index.js'
import { parseExperiment } from '../../spec.js'
import { readPromptfoo } from '../promptfoo-import.js'
import { type Converted, convertPromptfoo, type ConvertOptions } from './convert.js'
import type { Item } from './items.js'

const fixtures = fileURLToPath(new URL('../../../tests/fixtures/promptfoo/', import.meta.url))
const plain: ConvertOptions = { env: {}, skipUnsupported: false }

interface Read {
  converted: Converted
  items: Item[]
  /** Of the first experiment. */
  models: Endpoint[]
  prompts: NamedPrompt[]
  fixed: Record<string, unknown>
  metrics: string[]
}

function read(converted: Converted): Read {
  const text = (path: string): string => converted.files.find((file) => file.path === path)?.text ?? ''
  const items = text(`datasets/${converted.dataset}/test.jsonl`).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Item)
  // Every experiment must be one that the server takes.
  for (const path of converted.experiments) parseExperiment(text(path), { format: 'yaml', datasets: [converted.dataset] })
  const { axes, fixed, metrics } = parse(text(converted.experiments[0] ?? '')) as { axes: { model?: Endpoint[]; prompt?: NamedPrompt[] }; fixed: Record<string, unknown>; metrics: string[] }
  return { converted, items, fixed, metrics, models: axes.model ?? [fixed['model'] as Endpoint], prompts: axes.prompt ?? [fixed['prompt'] as NamedPrompt] }
}

const example = (path: string, options = plain): Read => read(convertPromptfoo(join(fixtures, path), options))

/** A config in a folder of its own, with other files beside it. */
function written(config: string, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'bancada-promptfoo-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries({ 'promptfooconfig.yaml': config, ...files })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return join(folder, 'promptfooconfig.yaml')
}
const own = (config: string, files = {}, options = plain): Read => read(convertPromptfoo(written(config, files), options))
const problemsOf = (convert: () => unknown): string[] => {
  try {
    convert()
  } catch (error) {
    return ((error as AppError).problems ?? []).map(({ path, message }) => `${path}: ${message}`)
  }
  throw new Error('it was not refused')
}

const rendered = (prompt: NamedPrompt | undefined, item: Item | undefined): string => new Template(prompt?.template ?? prompt?.json ?? prompt?.messages?.at(-1)?.content ?? '').render({ ...item })

describe('examples of promptfoo', () => {

  it('takes the service of http-provider over, with the variables that its request reads', () => {
    const { models: [model], prompts, items } = example('http-provider/promptfooconfig.yaml')
    expect(model).toEqual({ provider: 'http', model: 'localhost:3800/api/fail', url: 'https://localhost:3800/api/fail', method: 'POST', headers: { 'content-type': 'application/json' }, body: { prompt: '{{prompt}}', model: '{{model}}' }, answer: 'json.choices[0].message.content' })
    expect([prompts.length, items[0]]).toEqual([2, expect.objectContaining({ model: 'gpt-5', topic: 'bananas' })])
  })
  it('makes prompts × providers of getting-started', () => {
    const { converted, items, models, prompts, metrics } = example('getting-started/promptfooconfig.yaml')
    expect([converted.runs, converted.leftOut, converted.notes, metrics]).toEqual([4, [], [], ['pass', 'score']])
    expect(models).toEqual([
      { provider: 'openai', model: 'gpt-4.1', baseUrl: 'https://api.openai.com/v1', apiKeyEnv: 'OPENAI_API_KEY' },
      // OpenAI refuses a temperature for its reasoning models, and promptfoo sends none.
      { provider: 'openai', model: 'o4-mini', baseUrl: 'https://api.openai.com/v1', apiKeyEnv: 'OPENAI_API_KEY', extraBody: { temperature: null } },
    ])
    expect(items.map(({ input, language, target, assertions }) => [input, language, target, assertions.assert])).toEqual([
      ['Hello world', 'French', 'Bonjour le monde', [{ type: 'contains', value: 'Bonjour le monde' }]],
      ['Where is the library?', 'Spanish', 'Dónde está la biblioteca', [{ type: 'icontains', value: 'Dónde está la biblioteca' }]],
    ])
    expect(rendered(prompts[0], items[0])).toBe('Convert this English to French: Hello world')
  })

  it('gives items the ids under which results of promptfoo are imported', () => {
    const { items } = example('getting-started/promptfooconfig.yaml')
    const results = items.map(({ input, language }, testIdx) => ({ promptIdx: 0, testIdx, vars: { language, input }, success: true, score: 1 }))
    const { experiments } = readPromptfoo({ path: 'out.json', text: JSON.stringify({ results: { version: 3, prompts: [{ raw: 'x', provider: 'y' }], results } }) })
    expect(experiments[0]?.runs[0]?.examples.map(({ itemId }) => itemId)).toEqual(items.map(({ id }) => id))
  })

  it('refuses the Python in simple-test by file, line and key, and runs the rest if told to', () => {
    const path = join(fixtures, 'simple-test/promptfooconfig.yaml')
    expect(problemsOf(() => convertPromptfoo(path, plain))).toEqual([
      expect.stringMatching(/^promptfooconfig\.yaml:34 tests\[3\]\.assert\[1\]\.type: the assertion python, which is code, has no counterpart; say it with/),
    ])
    const { converted, items, prompts, fixed } = example('simple-test/promptfooconfig.yaml', { ...plain, skipUnsupported: true, embedder: 'use-lite-en', grader: 'ollama:llama3.2' })
    expect(converted.leftOut.map(({ line }) => line)).toEqual([34])
    expect(items.map(({ assertions }) => assertions.assert.map(({ type }) => type))).toEqual([['equals'], ['icontains'], ['is-json'], ['javascript', 'similar'], ['llm-rubric', 'icontains']])
    expect(prompts.map(({ template }) => template)).toEqual(['Rephrase this from English to Pirate: {{body}}', "Pretend you're a pirate and speak these words: {{body}}"])
    expect(fixed['scorers']).toMatchObject({ pass: { embedders: { default: 'use-lite-en' }, graders: { default: { model: { model: 'llama3.2', baseUrl: 'http://localhost:11434/v1', apiKeyEnv: null } } } } })
  })

  it('reads tests from CSV, and JSON out of their cells', () => {
    const { items, prompts } = example('simple-csv/promptfooconfig.yaml')
    expect(items.map(({ assertions }) => assertions.assert[0])).toEqual(['bonjour', 'faim', 'Ahoy', 'grub'].map((value) => ({ type: 'icontains', value })))
    expect(rendered(prompts[0], items[1])).toContain('- Tone: casual\n- Length: brief\n\nTask: Rephrase the following text in French:\n"I\'m hungry"')
    const metadata = example('csv-metadata/promptfooconfig.yaml')
    expect(metadata.items[0]).toMatchObject({ topic: 'machine learning', assertions: { assert: [{ type: 'contains', value: 'algorithm' }, { type: 'llm-rubric', value: 'Does this describe machine learning accurately?' }] } })
    expect(metadata.models[0]).toMatchObject({ decoding: { temperature: 0.7 } })
  })

  it('multiplies lists of variables, and scenarios by their tests', () => {
    expect(example('multiple-translations/promptfooconfig.yaml').items.map(({ language, input }) => `${String(language)}: ${input}`)).toEqual(['French', 'German', 'Spanish'].flatMap((language) => ['Hello world', 'Good morning', 'How are you?'].map((input) => `${language}: ${input}`)))
    const { items, models } = example('multiple-translations/promptfooconfig-scenarios.yaml')
    expect(items).toHaveLength(9)
    expect(items[4]).toMatchObject({ language: 'French', input: 'Good morning', test: 'Translated Good Morning', assertions: { assert: [{ type: 'similar', value: 'Bonjour', threshold: 0.9 }] } })
    expect(models.map(({ provider, model }) => `${provider} ${model}`)).toEqual(['openai gpt-4.1-mini', 'openai gpt-4.1', 'anthropic claude-sonnet-4-20250514'])
  })

  it('renders a conversation that is written by loops', () => {
    const { items, prompts } = example('openai-chat-history/promptfooconfig.yaml')
    expect(JSON.parse(rendered(prompts[0], items[2]))).toEqual([
      { role: 'system', content: 'Talk like a pirate.' },
      { role: 'user', content: 'Who founded Facebook?' },
      { role: 'assistant', content: 'Mark Zuckerberg' },
      { role: 'user', content: "What's his favorite food?" },
      { role: 'assistant', content: 'Pizza' },
      { role: 'user', content: 'Will he let me borrow $5?' },
    ])
  })

  it('takes transforms, schemas, defaults and judges over', () => {
    const json = example('json-output/promptfooconfig.yaml')
    expect(json.items[1]?.assertions).toMatchObject({ transform: 'JSON.parse(output)', assert: [{ type: 'is-json', value: { required: ['color', 'countries'] } }, { type: 'javascript', value: "output.color === 'purple' && output.countries.includes('Brazil')" }, { type: 'contains-any', transform: 'output.countries' }] })
    const graded = example('openai-eval-factuality/promptfooconfig.yaml')
    expect(graded.items[0]?.assertions.assert.map(({ type }) => type)).toEqual(['factuality', 'model-graded-closedqa'])
    expect(graded.converted.notes).toEqual([expect.stringContaining('since the config names no other; give --grader')])
    expect(example('self-grading/promptfooconfig.yaml').items.every(({ assertions }) => assertions.assert.map(({ type }) => type).join() === 'llm-rubric,javascript')).toBe(true)
  })
})

describe('providers', () => {
  const provider = (yaml: string, env = {}): unknown => own(`prompts: [hi]\nproviders:\n  - ${yaml}\ntests: [{vars: {a: b}}]`, {}, { ...plain, env }).models[0]
  it.each([
    ['openai:completion:davinci-002', { provider: 'openai', api: 'completions', model: 'davinci-002' }],
    ['anthropic:messages:claude-x', { provider: 'anthropic', model: 'claude-x', baseUrl: 'https://api.anthropic.com/v1', apiKeyEnv: 'ANTHROPIC_API_KEY' }],
    ['google:gemini-2.5-pro', { provider: 'gemini', model: 'gemini-2.5-pro' }],
    ['openrouter:meta-llama/llama-3.1-8b-instruct:free', { baseUrl: 'https://openrouter.ai/api/v1', model: 'meta-llama/llama-3.1-8b-instruct:free', apiKeyEnv: 'OPENROUTER_API_KEY' }],
    ['ollama:chat:llama3.2', { baseUrl: 'http://localhost:11434/v1', model: 'llama3.2', apiKeyEnv: null }],
    ['{id: "openai:chat:m", label: Mine, config: {apiBaseUrl: "http://127.0.0.1:8080/v1", apiKeyEnvar: MY_KEY, temperature: 0.5, max_tokens: 9, stop: [x], seed: 1, inputCost: 0.000001, response_format: {type: json_object}}}', { label: 'Mine', baseUrl: 'http://127.0.0.1:8080/v1', apiKeyEnv: 'MY_KEY', decoding: { temperature: 0.5, maxTokens: 9, stop: ['x'] }, extraBody: { seed: 1, response_format: { type: 'json_object' } }, price: { inputPerMillion: 1 } }],
    ['{"openai:chat:m": {config: {apiKey: "{{env.OTHER_KEY}}"}}}', { model: 'm', apiKeyEnv: 'OTHER_KEY' }],
    ['{id: "google:g", config: {generationConfig: {temperature: 0.1, maxOutputTokens: 5}}}', { decoding: { temperature: 0.1, maxTokens: 5 } }],
  ])('reads %s', (yaml, expected) => {
    expect(provider(yaml)).toMatchObject(expected)
  })

  it('finds the address in the environment, and never writes a key down', () => {
    expect(provider('openai:chat:m', { OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' })).toMatchObject({ baseUrl: 'http://127.0.0.1:1/v1' })
    const { converted } = own('prompts: [hi]\nproviders: [{id: "openai:m", config: {apiKey: sk-secret}}]')
    expect(JSON.stringify(converted)).not.toContain('sk-secret')
    expect(converted.notes).toEqual(['The key in promptfooconfig.yaml was not taken over: set OPENAI_API_KEY where the worker is started.'])
  })

  it('refuses by name what is not spoken here', () => {
    expect(problemsOf(() => own('prompts: [hi]\nproviders: [file://p.py, "bedrock:x", "openai:responses:gpt-5", {id: "openai:m", config: {tools: []}}]'))).toEqual([
      expect.stringMatching(/^promptfooconfig\.yaml:2 providers\[0\]: the provider file:\/\/p\.py is code of your own; name a model here, or try the config with --model/),
      expect.stringMatching(/providers\[1\]: the provider bedrock:x is not spoken here; there are openai, /),
      expect.stringMatching(/providers\[2\]: the provider openai:responses:gpt-5 is not that of chat completions; write openai:chat:gpt-5|MODEL/),
      expect.stringMatching(/providers\[3\]\.config\.tools: tools of a provider's config; calls of tools are not made here/),
    ])
  })

  it('takes an HTTP provider over as templates, with variables where they stand here and keys in the environment', () => {
    const { models: [model], items, converted: { notes } } = own(`prompts: ['Say {{ q }}']
providers:
  - id: https://bot.test/ask/{{ id }}
    label: bot
    config:
      method: POST
      headers: { X-Api-Key: '{{env.BOT_KEY}}' }
      body: { q: '{{prompt}}', lang: '{{ lang }}', n: 3 }
      transformResponse: json.answer
tests: [{ vars: { q: hi, id: z9 } }]`)
    expect(model).toEqual({ provider: 'http', model: 'bot.test/ask/{{ id }}', label: 'bot', url: 'https://bot.test{% set id = vars.id %}/ask/{{ id }}', method: 'POST', headers: { 'x-api-key': '{{env.BOT_KEY}}' }, body: { q: '{{prompt}}', lang: '{{ lang }}', n: 3 }, answer: 'json.answer' })
    expect(items[0]).toMatchObject({ vars: { id: 'z9' }, lang: '' })
    expect(notes).toEqual(expect.arrayContaining([expect.stringContaining('reads BOT_KEY of the worker'), expect.stringContaining('The variable lang of the request of bot is in no test')]))
  })

  it('asks what tests have under the name of prompt where a config has no prompts, and says what GET leaves out', () => {
    const { prompts, items, models: [model], converted: { notes } } = own('providers: [{ id: http, config: { url: "{{ env.BOT }}/chat", stateful: true, body: { message: "{{prompt}}" }, transformResponse: json.reply } }]\ntests: [{ vars: { prompt: hi } }]')
    expect(rendered(prompts[0], items[0] as Item)).toBe('hi')
    expect(model).toEqual({ provider: 'http', model: '{{ env.BOT }}/chat', url: '{{ env.BOT }}/chat', method: 'GET', answer: 'json.reply' })
    expect(notes).toContain('The request of http is GET, which sends no body: promptfoo asks so where no method is named; write method: POST to send it.')
  })

  it.each([
    ['a script of an HTTP provider', '{ method: GET, transformResponse: "function (json) { return json }" }', 'the provider http://h/x: '],
    ['a program', '{ method: GET, transformResponse: file://answer.js }', 'its transformResponse file://answer.js is a program'],
    ['a session', '{ method: GET, session: { url: http://h/s, responseParser: x } }', 'session of an HTTP provider; sessions are not kept between calls'],
    ['another status', '{ method: GET, validateStatus: status < 500 }', 'an answer with another status than 2xx is an error here'],
    ['a key', '{ method: GET, headers: { authorization: Bearer sk-1 } }', 'headers.authorization of the provider: holds a key, which does not belong in the file'],
  ])('refuses %s by name', (_, config, problem) => {
    expect(problemsOf(() => own(`prompts: [hi]\nproviders: [{ id: http://h/x, config: ${config} }]\ntests: [{ vars: {} }]`)).join('\n')).toContain(problem)
  })

  it('makes an experiment for each set of prompts that providers are asked', () => {
    const { converted } = own('prompts: [{raw: "a {{x}}", label: one}, {raw: "b {{x}}", label: two}]\nproviders: [{id: "ollama:a", prompts: [one]}, {id: "ollama:b", prompts: [two]}, {id: "ollama:c", prompts: [one]}]\ntests: [{vars: {x: 1}}]')
    expect([converted.experiments.length, converted.runs]).toEqual([2, 3])
    expect(converted.notes).toContainEqual(expect.stringContaining('2 experiments on one dataset'))
  })
})

describe('prompts and variables', () => {
  it('keeps the white space that nunjucks keeps', () => {
    const { items, prompts } = own('prompts:\n  - |\n    {% if x %}\n      has {{ x }}\n    {% else %}\n    none\n    {% endif %}\n    end\nproviders: ollama:a\ntests: [{vars: {x: 1}}]')
    // What nunjucks 3 renders.
    expect(rendered(prompts[0], items[0])).toBe('\n  has 1\n\nend\n')
  })

  it.each([
    ['{{ x | capitalize }}', 'the filter capitalize of nunjucks has no counterpart here that gives the same text'],
    ['{% include "a" %}', '{% include %} of nunjucks is not known here'],
    ['{{ env.NO_SUCH }}', 'it uses env.NO_SUCH, which is set neither in env of the config'],
    ['file://prompt.py', 'the prompt file://prompt.py is a program'],
    ['[{"role": "tool", "content": "x"}]', 'it has a message of the role "tool"'],
  ])('refuses %s by name', (prompt, message) => {
    expect(problemsOf(() => own(`prompts: [${JSON.stringify(prompt)}]\nproviders: ollama:a`))[0]).toMatch(new RegExp(`^promptfooconfig\\.yaml:1 prompts\\[0\\]: .*${message.replaceAll(/[{}%.[\]"]/g, '\\$&')}`))
  })

  it('reads conversations in JSON and YAML, names of fields of ours, raw blocks, dumps and affixes', () => {
    const config = `
prompts:
  - '[{"role": "system", "content": "Be {{ tone }}"}, {"role": "user", "content": [{"type": "text", "text": "{{ id }}"}]}]'
providers: ollama:a
defaultTest: {vars: {tone: kind}}
tests: [{vars: {id: 7, labels: x}}]`
    const chat = own(config)
    expect(chat.prompts[0]?.messages).toEqual([{ role: 'system', content: 'Be {{ tone }}' }, { role: 'user', content: '{% set id = vars.id %}{{ id }}' }])
    expect(rendered(chat.prompts[0], chat.items[0])).toBe('7')
    const text = own('prompts: ["{% raw %}{{ x }}{% endraw %} {{ o | dump }} {{ id }}"]\nproviders: ollama:a\ntests: [{vars: {o: {a: [1, 2]}, id: z}, options: {prefix: "{{ id }}> ", suffix: "!"}}]')
    expect(rendered(text.prompts[0], text.items[0])).toBe('z> {{ x }} {"a":[1,2]} z!')
  })

  it('tells which variables are missing, and renders them as nothing', () => {
    const { converted, items, prompts } = own('prompts: ["{{ a }}{{ b }}{{ c | default(\'?\') }}"]\nproviders: ollama:a\ntests: [{vars: {a: 1}}, {vars: {a: 1, b: 2}}]')
    expect(items.map((item) => rendered(prompts[0], item))).toEqual(['1?', '12?'])
    expect(converted.notes.filter((note) => !note.startsWith('Ollama'))).toEqual([expect.stringContaining('The variable b of the prompt "{{ a }}{{ b }}{{ c | default(\'?…" is in 1 of 2 tests')])
  })

  it('reads prompts from files: parts, lists, tables', () => {
    const { prompts } = own('prompts: [file://a.txt, "b/*.md", {id: file://c.csv, label: table}, file://d.yaml]\nproviders: ollama:a', { 'a.txt': 'one\n---\ntwo\n', 'b/x.md': '# {{ q }}', 'b/y.md': 'y', 'c.csv': 'prompt,label\n"Say, {{ q }}",short\n', 'd.yaml': '- role: user\n  content: "{{ q }}"\n' })
    expect(prompts.map(({ label }) => label)).toEqual(['a.txt #1', 'a.txt #2', 'b/x.md', 'b/y.md', 'table', 'd.yaml'])
    expect(prompts[4]?.template).toBe('Say, {{ q }}')
    expect(prompts[5]?.messages).toEqual([{ role: 'user', content: '{{ q }}' }])
  })
})

describe('tests and assertions', () => {
  it('puts defaults first, and lets tests win', () => {
    const { items, metrics, fixed } = own(`
prompts: ['{{ x }}']
providers: ollama:a
evaluateOptions: {repeat: 2, maxConcurrency: 9}
defaultTest: {threshold: 0.5, assert: [{type: not-contains, value: 'no {{ x }}', metric: 'Tone {{ x }}'}]}
tests:
  - {vars: {x: a}, threshold: 0.9, assert: [{type: assert-set, threshold: 0.5, weight: 2, metric: score, assert: [{type: latency, threshold: 100}, {type: is-json, value: '{"type": "object"}'}]}]}
  - {vars: {x: b}, options: {disableDefaultAsserts: true}, assert: [{type: icontains-all, value: 'a, "b, c"'}]}
  - file://more.jsonl
  - more.yaml`, { 'more.jsonl': '{"vars": {"x": "c"}}\n', 'more.yaml': '- vars: {x: file://x/*.txt}\n', 'x/1.txt': 'd\n', 'x/2.txt': 'e\n' })
    expect(items.map(({ x }) => x)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(items[0]?.assertions).toEqual({ threshold: 0.9, assert: [{ type: 'contains', not: true, value: 'no a', metric: 'Tone a' }, { type: 'assert-set', threshold: 0.5, weight: 2, metric: 'score', assert: [{ type: 'latency', threshold: 100 }, { type: 'is-json', value: { type: 'object' } }] }] })
    expect(items[1]?.assertions).toEqual({ threshold: 0.5, assert: [{ type: 'icontains-all', value: ['a', 'b, c'] }] })
    expect(metrics).toEqual(['pass', 'score', 'tone_a', 'score_2', 'tone_c', 'tone_d', 'tone_e'])
    expect(fixed).toMatchObject({ concurrency: 9, cache: 'off', scorers: { score_2: { gives: { metric: 'score' } } } })
  })

  it('names what it leaves out of tests', () => {
    const config = `
prompts: ['{{ x }}']
providers: ollama:a
extensions: [file://hook.js:all]
tests:
  - {vars: {x: a}, assert: [{type: select-best, value: best}, {type: contains, value: file://v.js}, {type: equals, value: a}, {type: javascript, value: 'for (;;) {}'}]}
  - {vars: {x: b}, provider: 'openai:x'}
  - {vars: {x: c}, options: {transform: 'new Date()'}}
  - {vars: {x: file://picture.png}}
  - file://tests.py:make`
    expect(problemsOf(() => own(config))).toEqual([
      expect.stringMatching(/^promptfooconfig\.yaml:4 extensions: /),
      expect.stringMatching(/:10 tests\[4\]: the tests file:\/\/tests\.py:make are a program/),
      expect.stringMatching(/:7 tests\[1\]\.provider: provider of a test; the test is left out/),
      expect.stringMatching(/:9 tests\[3\]\.vars: the variable file:\/\/picture\.png is no text; its test is left out/),
      expect.stringMatching(/:6 tests\[0\]\.assert\[0\]\.type: the assertion select-best has no counterpart; compare the runs/),
      expect.stringMatching(/:6 tests\[0\]\.assert\[1\]: the assertion contains: its value file:\/\/v\.js is a program/),
      expect.stringMatching(/:6 tests\[0\]\.assert\[3\]: the assertion javascript: "for \(;;\) \{\}" is JavaScript that is not known here: .*; say it in a shorter way/),
      expect.stringMatching(/:8 tests\[2\]: the test: "new Date\(\)" is JavaScript that is not known here: new/),
    ])
    const { items } = own(config, {}, { ...plain, skipUnsupported: true })
    expect(items.map(({ x, assertions }) => [x, assertions.assert])).toEqual([['a', [{ type: 'equals', value: 'a' }]]])
  })

  it('refuses what is no config, what is not there and what is not YAML', () => {
    expect(() => own('a: 1')).toThrow('is no promptfoo config')
    expect(() => own('prompts: [file://none.txt]\nproviders: ollama:a')).toThrow('cannot read none.txt, which the config names')
    expect(() => own('prompts: [a\nproviders: b')).toThrow(/promptfooconfig\.yaml is not valid YAML on line/)
    expect(() => own('prompts: [a]\nproviders: ["bedrock:x"]', {}, { ...plain, skipUnsupported: true })).toThrow('no provider is left of what the config has')
  })
})
