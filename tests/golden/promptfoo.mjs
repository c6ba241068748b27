// Makes promptfoo.json: what promptfoo itself says of assertions, and how it renders prompts. Needs promptfoo 0.123.1
// (npm i promptfoo@0.123.1 --omit=optional) in the folder given: node promptfoo.mjs FOLDER > promptfoo.json
// Answers are echoed, and the judge replies what the assertion's value tells it to, so nothing is asked of anybody.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const says = (reply) => `REPLY:${Buffer.from(reply).toString('base64')}`
const steps = (score) => `STEPS:${Buffer.from('{"steps": ["count"]}').toString('base64')} SCORE:${Buffer.from(score).toString('base64')}`

/** What is asked in two steps: the statements of an answer, then a verdict on each. */
const statements = (text) => `LONG:${Buffer.from(text).toString('base64')}`
const verdicts = (text) => `NLI:${Buffer.from(text).toString('base64')}`
const faithfulness = (threshold, more = {}) => [{ type: 'context-faithfulness', ...(threshold === undefined ? {} : { threshold }), ...more }]
const relevance = (threshold, more = {}) => [{ type: 'context-relevance', ...(threshold === undefined ? {} : { threshold }), ...more }]

/** Output, assertions, threshold, further variables. */
const cases = [
  ['Yarr', [{ type: 'equals', value: 'Yarr' }]],
  ['yarr', [{ type: 'equals', value: 'Yarr' }]],
  ['{"a": [1, {"b": 2}]}', [{ type: 'equals', value: { a: [1, { b: 2 }] } }]],
  ['no JSON', [{ type: 'not-equals', value: { a: 1 } }]],
  ['The answer is 42.', [{ type: 'contains', value: 42 }, { type: 'not-contains', value: '43' }]],
  ['cafe\u0301', [{ type: 'contains', value: 'caf\u00e9' }]],
  ['Ahoy THERE', [{ type: 'icontains', value: 'aHOY there' }, { type: 'contains', value: 'there' }]],
  ['a b', [{ type: 'contains-all', value: ['a', 'b'] }, { type: 'contains-any', value: 'x, b' }, { type: 'contains-any', value: '"a b", z' }]],
  ['a b', [{ type: 'not-contains-all', value: ['a', 'z'] }, { type: 'not-icontains-any', value: ['Z'] }, { type: 'icontains-all', value: 'A, B' }]],
  ['Ahoy, world', [{ type: 'starts-with', value: 'Ahoy' }, { type: 'not-starts-with', value: 'ahoy' }]],
  ['in 1999', [{ type: 'regex', value: '\\d{4}' }, { type: 'not-regex', value: '^\\d' }, { type: 'regex', value: '^IN' }]],
  ['```json\n{}\n```', [{ type: 'is-json' }, { type: 'contains-json' }]],
  ['{"b": 1}', [{ type: 'is-json', value: { type: 'object', required: ['a'] } }, { type: 'is-json', value: 'type: object\nrequired: [b]' }, { type: 'not-is-json', value: { type: 'object', required: ['a'] } }]],
  ['Here: {"b": 1} and {"a": {"c": 2}}.', [{ type: 'contains-json', value: { type: 'object', required: ['a'] } }, { type: 'contains-json', value: { type: 'object', required: ['d'] } }]],
  ['nothing of it', [{ type: 'not-contains-json' }, { type: 'contains-json' }]],
  ['one two  three', [{ type: 'word-count', value: 3 }, { type: 'word-count', value: { max: 2 } }, { type: 'not-word-count', value: { min: 4 } }]],
  ['sitting', [{ type: 'levenshtein', value: 'kitten', threshold: 3 }, { type: 'levenshtein', value: 'kitten', threshold: 2 }, { type: 'levenshtein', value: 'kitten' }]],
  ['the cat sat', [{ type: 'rouge-n', value: 'the cat sat on the mat', threshold: 0.6 }]],
  ['Hello World', [{ type: 'rouge-n', value: 'hello world' }, { type: 'not-rouge-n', value: 'hello World' }]],
  [`They'll save and "invest" more, don't they?`, [{ type: 'rouge-n', value: `They will save, and they'll "invest" it; can't they (more)?`, threshold: 0.3 }]],
  ['It cannot cost $3,000.50 in the U.S. (or so).', [{ type: 'rouge-n', value: 'In the U.S. it costs $3,000.50, or can it not?', threshold: 0.5 }]],
  ['the cat sat', [{ type: 'bleu', value: 'the cat sat' }, { type: 'bleu', value: 'the cat sat on the mat' }]],
  ['The dog ran over the big red bridge', [{ type: 'bleu', value: ['A dog ran over the red bridge', 'the dog runs over a bridge that is big and red'], threshold: 0.2 }, { type: 'not-bleu', value: 'nothing alike at all here', threshold: 0.1 }]],
  ['a', [{ type: 'contains', value: 'a', weight: 3 }, { type: 'contains', value: 'z' }]],
  ['a', [{ type: 'contains', value: 'a', weight: 3 }, { type: 'contains', value: 'z' }], 0.75],
  ['a', [{ type: 'contains', value: 'a' }, { type: 'contains', value: 'z' }], 0.6],
  ['a', [{ type: 'contains', value: 'z', weight: 0 }, { type: 'contains', value: 'a' }]],
  ['a', [{ type: 'contains', value: 'z', weight: 0 }]],
  ['a', []],
  ['a', [{ type: 'assert-set', threshold: 0.5, weight: 2, metric: 'either', assert: [{ type: 'contains', value: 'a', metric: 'has' }, { type: 'contains', value: 'z', metric: 'has' }] }, { type: 'starts-with', value: 'a', metric: 'has' }]],
  ['a', [{ type: 'assert-set', assert: [{ type: 'contains', value: 'a', weight: 3 }, { type: 'contains', value: 'z' }] }, { type: 'contains', value: 'a' }]],
  ['a', [{ type: 'contains', value: 'a', metric: 'm' }, { type: 'contains', value: 'z', metric: 'm', weight: 3 }]],
  ['x', [{ type: 'llm-rubric', value: says('{"pass": true, "score": 0.4, "reason": "so"}') }]],
  ['x', [{ type: 'llm-rubric', threshold: 0.5, value: says('{"pass": true, "score": 0.4, "reason": "so"}') }]],
  ['x', [{ type: 'llm-rubric', value: says('{"pass": false, "reason": "so"}') }]],
  ['x', [{ type: 'llm-rubric', value: says('{"score": 0.8}') }]],
  ['x', [{ type: 'llm-rubric', value: says('Sure: {"pass": "yes", "score": "0.7"}') }]],
  ['x', [{ type: 'not-llm-rubric', value: says('{"pass": false, "score": 0.2}') }]],
  ['x', [{ type: 'model-graded-closedqa', value: says('It does.\nY\n') }, { type: 'model-graded-closedqa', value: says('N') }]],
  ['x', [{ type: 'factuality', value: says('{"category": "A", "reason": "part"}') }]],
  ['x', [{ type: 'factuality', value: says('{"category": "D", "reason": "against"}') }]],
  ['x', [{ type: 'model-graded-factuality', value: says('(E) they differ') }]],
  ['x', [{ type: 'g-eval', value: steps('{"score": 8, "reason": "good"}') }]],
  ['x', [{ type: 'g-eval', threshold: 0.6, value: [steps('{"score": 8, "reason": "good"}'), steps('{"score": 2, "reason": "bad"}')] }]],
  ['{"countries": ["Brazil", "Peru"], "color": " Red "}', [{ type: 'contains-any', transform: 'JSON.parse(output).countries', value: ['Peru'] }, { type: 'equals', transform: 'JSON.parse(output).color.trim().toLowerCase()', value: 'red' }, { type: 'equals', transform: "JSON.parse(output)['countries'][0]", value: 'Brazil' }]],
  ['Ahoy there', [{ type: 'javascript', value: "output.startsWith('Ahoy')" }, { type: 'not-javascript', value: 'output.length > 20' }, { type: 'javascript', value: 'output.length / 100' }]],
  ['Ahoy there', [{ type: 'javascript', value: 'output.length / 100', threshold: 0.2 }, { type: 'javascript', value: '0' }]],
  ['bug', [{ type: 'javascript', value: "const kinds = ['bug', 'other']\nif (!kinds.includes(output)) { return false }\nreturn { pass: true, score: 0.7, reason: 'known' }" }]],
  ['prose', [{ type: 'javascript', value: "JSON.parse(output).category === 'bug'" }]],
  ['x', [{ type: 'javascript', value: "output === context.vars.name && '{{ name }}' === 'x'" }, { type: 'javascript', value: 'output' }, { type: 'javascript', value: 'const n = output.length; n === 1' }]],
  ['{"tags": ["a", "b"]}', [{ type: 'javascript', transform: 'JSON.parse(output)', value: 'output.tags.length === 2' }, { type: 'contains-any', transform: 'JSON.parse(output).tags.map((tag) => tag.toUpperCase())', value: ['B'] }, { type: 'equals', transform: 'output.split(":")[0].slice(2, -1)', value: 'tags' }]],
  ['x', faithfulness(), undefined, { query: statements('A is.\nB is.\nC is.'), context: verdicts('1. verdict: yes\n2. Verdict: No\n3. so, verdict: yes') }],
  ['x', faithfulness(0.7), undefined, { query: statements('A is.\nB is.\nC is.'), context: [verdicts('1. verdict: yes\n2. verdict: yes'), 'more'] }],
  ['x', faithfulness(0.6, { type: 'not-context-faithfulness' }), undefined, { query: statements('A is.\n\nB is.'), context: verdicts('verdict: no\nverdict: no\nverdict: no') }],
  ['x', [{ type: 'context-recall', value: says('1. A is. So it says. [Attributed]\n2. B is. [Not Attributed]\nThat is all.') }, { type: 'context-recall', threshold: 0.6, value: says('A [attributed]\nB [NOT attributed]\nC [Attributed]\n') }, { type: 'not-context-recall', value: says('A [Attributed]') }], undefined, { context: 'A is.' }],
  ['x', relevance(), undefined, { query: says('Rain falls. Snow melts.'), context: 'Rain falls. The sun shines. Snow melts. Wind blows.' }],
  ['x', relevance(0.6), undefined, { query: says('- Rain falls.\n- Snow  melts.\n- Snow  melts.'), context: ['Rain falls.', 'Snow melts.', 'Wind blows.', ' '] }],
  ['x', relevance(0.3), undefined, { query: says('Insufficient Information'), context: 'Rain falls.\nSnow melts.' }],
  ['x', relevance(0.2, { type: 'not-context-relevance' }), undefined, { query: says('1. Rain falls.\n2. Snow melts.'), context: 'Rain falls.\nSnow melts.\n\nWind blows.' }],
  ['{"passages": ["Rain falls.", "Snow melts."]}', relevance(0.5, { contextTransform: 'JSON.parse(output).passages' }), undefined, { query: says('Rain falls.') }],
  [says('How much is it?'), [{ type: 'answer-relevance' }, { type: 'answer-relevance', threshold: 0.99 }], undefined, { query: 'How many are there?' }],
  [says('How much?'), [{ type: 'not-answer-relevance', threshold: 0.1 }]],
  ['many letters', [{ type: 'similar', value: 'letters, many' }, { type: 'similar', value: ['zzz', 'many'], threshold: 0.5 }, { type: 'not-similar', value: 'many letters', threshold: 0.9 }]],
  ['the cat sat on the mat.', [{ type: 'gleu', value: 'the cat sat on a mat' }, { type: 'gleu', value: ['nothing alike', 'The Cat sat. on the mat'], threshold: 0.8 }, { type: 'not-gleu', value: 'a dog ran', threshold: 0.1 }]],
  ['A dog', [{ type: 'gleu', value: 'a dog' }, { type: 'gleu', value: 'dog a' }, { type: 'gleu', value: '. .', threshold: 0 }]],
  ['abc', [{ type: 'similar:dot', value: 'aab', threshold: 2 }, { type: 'similar:dot', value: 'aab', threshold: 4 }, { type: 'not-similar:dot', value: ['xyz', 'c'], threshold: 2 }]],
  ['abc', [{ type: 'similar:euclidean', value: 'abcd', threshold: 1 }, { type: 'similar:euclidean', value: 'abcd' }, { type: 'similar:euclidean', value: ['zzzz', 'aabc', 'abc'], threshold: 1 }, { type: 'not-similar:euclidean', value: ['zzzz', 'yyy'], threshold: 2 }, { type: 'not-similar:euclidean', value: ['zzzz', 'abc'], threshold: 2 }]],
  ['abcd', [{ type: 'similar', value: ['ab', 'abcd', 'abc'], threshold: 0.7 }, { type: 'similar:cosine', value: ['zz', 'ab'], threshold: 0.9 }, { type: 'not-similar', value: ['abc', 'abcd'], threshold: 0.5 }, { type: 'not-similar', value: ['zz', 'az'], threshold: 0.9 }]],
  ['FLAGS:hate,violence', [{ type: 'moderation' }, { type: 'moderation', value: ['self-harm'] }, { type: 'moderation', value: ['self-harm', 'hate'] }, { type: 'not-moderation' }, { type: 'not-moderation', value: ['sexual'] }]],
  ['kind words', [{ type: 'moderation' }, { type: 'not-moderation', value: ['hate'] }]],
  ['Value of x is 7', [{ type: 'contains', value: 'Value of {{ name }} is {{ n }}' }, { type: 'contains-all', value: ['{{ name }}', '{{ n }}'] }]],
]

/** How each is rendered with the variables below. */
const prompts = [
  'Plain {{ name }} and {{n}}',
  '{% if name %}\n  has {{ name }}\n{% else %}\nnone\n{% endif %}\nend\n',
  '  {% for color in look.colors %}\n  - {{ loop.index }}: {{ color }}\n  {% endfor %}\nend',
  '{%- if n > 3 -%}\n  big\n{%- endif %}\n{# a comment #}\nnext',
  '{{ name | upper }} {{ name | lower }} {{ spaced | trim }} {{ name | length }} {{ look.colors | join(", ") }} {{ look.colors | first }} {{ look.colors | last }}',
  '{{ missing | default("none") }} {{ name | default("none") }}[{{ missing }}]',
  '{{ name | replace("x", "y") }} {{ "3.7" | float }} {{ "12" | int }} {{ name | safe }} {{ flag }} {{ n + 1 }}',
  '{{ look | dump }} {{ name | dump }} {{ (style | load).tone }}',
  '{% set greeting = "Hi " + name %}{{ greeting }}{% if n === 7 and name !== "y" %}!{% endif %}',
  '{% for key, value in look.sizes %}{{ key }}={{ value }};{% endfor %}{% for a, b in look.pairs %}{{ a }}{{ b }}{% endfor %}',
  '{% raw %}{{ kept }}{% endraw %} {{ name if flag else "no" }} {{ outer }}',
  'A line\n\n\nAnother {{ name }}\n',
]
const vars = { name: 'x', n: 7, flag: true, spaced: ' s ', look: { colors: ['red', 'blue'], sizes: { s: 1, m: 2 }, pairs: [['a', 1], ['b', 2]] }, style: '{"tone": "warm"}', outer: 'in {{ name }}' }

const folder = mkdtempSync(join(tmpdir(), 'promptfoo-golden-'))
writeFileSync(join(folder, 'grader.mjs'), `
const part = (prompt, name) => { const found = new RegExp(name + ':([A-Za-z0-9+/=]+)').exec(prompt)?.[1]; return found && Buffer.from(found, 'base64').toString() }
export default class {
  id() { return 'grader' }
  async callApi(prompt) { return { output: part(prompt, 'REPLY') ?? part(prompt, 'NLI') ?? part(prompt, 'LONG') ?? (prompt.includes('**Reply**') ? part(prompt, 'SCORE') : part(prompt, 'STEPS')) } }
  async callModerationApi(_prompt, text) { const found = /FLAGS:([a-z,]+)/.exec(text)?.[1]; return { flags: (found?.split(',') ?? []).map((code) => ({ code, description: code, confidence: 0.9 })) } }
  async callEmbeddingApi(text) { const embedding = Array.from({ length: 26 }, () => 0); for (const letter of text.toLowerCase()) if (/[a-z]/.test(letter)) embedding[letter.charCodeAt(0) - 97] += 1; return { embedding } }
}
`)

function evaluated(name, config) {
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(config))
  const env = { ...process.env, PROMPTFOO_DISABLE_TELEMETRY: '1', PROMPTFOO_DISABLE_UPDATE: '1', PROMPTFOO_DISABLE_REMOTE_GENERATION: 'true', PROMPTFOO_DISABLE_SHARING: '1', PROMPTFOO_SELF_HOSTED: '1', PROMPTFOO_CONFIG_DIR: join(folder, '.promptfoo') }
  const out = join(folder, `${name}-out.json`)
  try {
    execFileSync(process.execPath, [resolve(process.argv[2], 'node_modules/promptfoo/dist/src/main.js'), 'eval', '-c', join(folder, `${name}.json`), '--no-cache', '--no-write', '--no-table', '--no-progress-bar', '-o', out], { env, cwd: folder, stdio: ['ignore', 2, 2] })
  } catch (error) {
    // 100: some tests failed, as they should.
    if (error.status !== 100) throw error
  }
  const { results, metadata } = JSON.parse(readFileSync(out, 'utf8'))
  return { version: metadata.promptfooVersion, rows: results.results.sort((a, b) => a.testIdx - b.testIdx || a.promptIdx - b.promptIdx) }
}

const tests = cases.map(([answer, assert, threshold, more = {}]) => ({ vars: { answer, name: 'x', n: 7, ...more }, assert, ...(Array.isArray(more.context) ? { options: { disableVarExpansion: true } } : {}), ...(threshold === undefined ? {} : { threshold }) }))
const assertions = { prompts: ['{{ answer }}'], providers: ['echo'], defaultTest: { options: { provider: 'file://grader.mjs' } }, tests }
const judged = evaluated('assertions', assertions)
const templates = { prompts: prompts.map((raw, index) => ({ id: `p${index}`, label: `p${index}`, raw })), providers: ['echo'], tests: [{ vars }] }
const rendered = evaluated('templates', templates)
writeFileSync(join(folder, 'ending.mjs'), `export default class { id() { return 'ending' } async callApi(prompt, { vars }) { return { output: prompt, finishReason: vars.reason } } }`)
/** Why the answer ended, and what is asserted of it. */
const endings = [['stop', 'stop'], ['length', 'stop'], ['content_filter', 'CONTENT_FILTER'], ['tool_calls', 'tool_calls']]
const ending = { prompts: ['x'], providers: ['file://ending.mjs'], tests: endings.flatMap(([reason, value]) => ['finish-reason', 'not-finish-reason'].map((type) => ({ vars: { reason }, assert: [{ type, value }] }))) }
const ended = evaluated('ending', ending)
const golden = {
  version: judged.version,
  assertions: { config: assertions, results: judged.rows.map(({ success, score, namedScores, failureReason, error }) => ({ pass: success, score, named: namedScores, ...(failureReason === 2 ? { error: String(error).split('\n')[0] } : {}) })) },
  endings: { config: ending, results: ended.rows.map(({ success, score }) => ({ pass: success, score })) },
  templates: { config: templates, rendered: rendered.rows.map(({ response }) => response.output) },
}
process.stdout.write(`${JSON.stringify(golden, null, 1)}\n`)
