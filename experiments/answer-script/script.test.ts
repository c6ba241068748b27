import { describe, expect, it } from 'vitest'
import { compileScript, UnknownScript } from './script.js'

/** As JavaScript itself gives it, so that the reader is held to the language. */
const byHost = (source: string, output: unknown, vars: object): unknown => new Function('output', 'context', `return ${source}`)(output, { vars }) as unknown

describe('scripts about answers', () => {
  it.each([
    'output.length <= 280 ? 1 : 0',
    'Math.max(0, Math.min(1, 1 - (output.length - 100) / 900))',
    "output.startsWith('Ahoy') && !output.includes(\"sorry\")",
    "['bug', 'other'].includes(output.trim().toLowerCase())",
    "output.split(/\\s+/).filter((word) => word.length > 3).map(w => w[0]).join('-')",
    'output.split(",")[0]',
    '/ahoy[,!]/i.test(output) || output.match(/\\d+/g)?.length === 2',
    'output.toLowerCase().includes(context.vars.name.toLowerCase())',
    "1 + 2 * 3 ** 2 % 5 - -4 / 2 + '7' + typeof output",
    "null ?? undefined ?? (0 || 'x')",
    "output.replace(/o/g, '0').slice(-3) === 'r1d'",
    '({ pass: output.length > 3, score: 0.5, reason: `fine` })',
    '[1, 2, 3].reduce((sum, n) => sum + n, 0) >= 6 && [1, 2].some((n) => { return n === 2; })',
    "output == null || '1' == 1",
    "Object.keys(context.vars).join() + JSON.stringify({ a: [1, { b: null }] }) + parseInt('12px') + Number.isInteger(3)",
    'output?.missing?.deep',
  ])('%s is what JavaScript says', (source) => {
    const [output, vars] = ['Ahoy, world', { name: 'WORLD' }]
    expect(compileScript(source)(output, vars)).toEqual(byHost(source, output, vars))
  })

  it('takes statements: const, if, try, return', () => {
    const script = compileScript(`
      // The cities that are named.
      const cities = ['NYC', 'Brooklyn'];
      const found = cities.filter(city => output.toLowerCase().includes(city.toLowerCase()));
      if (found.length === 0) { return { pass: false, score: 0, reason: 'none' }; }
      try {
        const data = JSON.parse(output)
        return data.score
      } catch (error) {
        return found.length / cities.length
      }`)
    expect([script('in brooklyn', {}), script('nowhere', {}), script('{"score": 3, "city": "nyc"}', {})]).toEqual([0.5, { pass: false, score: 0, reason: 'none' }, 3])
    expect(compileScript('const n = output.length; n > 2')('abc', {})).toBe(true)
  })

  it('reads a field of the JSON that a model was asked for', () => {
    expect(compileScript("output.color === 'red'")('{"color": "red"}', {})).toBe(true)
    expect(compileScript('output.color')('red', {})).toBeUndefined()
  })

  it.each(['new Date()', 'function f() {}', 'await fetch("x")', 'process.exit()', 'require("fs")', 'import("fs")', 'for (const a of output) {}', 'output = 1', 'output +', '`${output}`', 'this', 'async () => 1', 'x => ', '(', 'a b'])('refuses %s when it is read', (source) => {
    expect(() => compileScript(source)).toThrow(UnknownScript)
  })

  it.each(['"".constructor', '[].constructor', '({}).constructor', '(() => 1).constructor', 'output.constructor.constructor("return 1")()', '({}).__proto__', 'JSON.constructor', 'Number.prototype', 'context.constructor', '[].map.constructor'])('%s leads nowhere', (source) => {
    let value: unknown
    try {
      value = compileScript(source)('x', {})
    } catch {
      value = undefined
    }
    expect(value).toBeUndefined()
  })
})
