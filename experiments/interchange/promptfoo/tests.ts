/* Tests of promptfoo: read from wherever they stand, filled up from defaults and scenarios, one for each combination of variables. */
import { extname } from 'node:path'
import { fileNameIn, isScript, type ConfigFolder, type ConfigNode } from './config-node.js'
import { testsOfCsv } from './csv.js'
import type { Findings } from '../findings.js'

/** A test with one value for each variable. */
export interface Test {
  description: string | undefined
  vars: Record<string, unknown>
  assert: ConfigNode[]
  threshold: number | undefined
  options: Layered
  metadata: Record<string, unknown>
  node: ConfigNode
}

/** Options of a test over those of the default. */
export class Layered {
  constructor(private readonly layers: readonly ConfigNode[]) {}

  get(key: string): ConfigNode {
    const [first, ...rest] = this.layers.map((layer) => layer.get(key))
    const found = [first, ...rest].find((node) => node?.isThere)
    const node = found ?? first
    if (node === undefined) throw new RangeError('options have at least one layer')
    return node
  }

  keys(): string[] {
    return [...new Set(this.layers.flatMap((layer) => layer.keys()))]
  }
}

const TEST_KEYS = new Set(['description', 'vars', 'assert', 'threshold', 'options', 'metadata', 'metric'])
/** Each would change what is asked or how it is judged, so a test with one is left out as a whole. */
const REFUSED_KEYS: Readonly<Record<string, string>> = {
  provider: 'give each provider a config of its own',
  providers: 'give each provider a config of its own',
  prompts: 'give each set of prompts a config of its own',
  providerOutput: 'import the outputs as results: npx bancada import OUTPUT.json',
  assertScoringFunction: 'use weights and thresholds',
}

export function readTests(config: ConfigNode, { folder, findings }: { folder: ConfigFolder; findings: Findings }): Test[] {
  const defaults = asTest(config.get('defaultTest'))
  const written = listed(config.get('tests'), { folder, findings })
  const plain = written.map((node) => merged([node, defaults], findings))
  const scenes = listed(config.get('scenarios'), { folder, findings }).flatMap((scenario) => {
    const tests = scenario.get('tests').isThere ? listed(scenario.get('tests'), { folder, findings }) : [null]
    return listed(scenario.get('config'), { folder, findings }).flatMap((data) => tests.map((test) => merged(test === null ? [data, defaults] : [test, data, defaults], findings)))
  })
  const all = [...plain, ...scenes]
  const whole = all.length === 0 && !config.get('tests').isThere && !config.get('scenarios').isThere ? [merged([defaults], findings)] : all
  return whole.flatMap((test) => (test === null ? [] : combinations(test, { folder, findings })))
}

function asTest(node: ConfigNode): ConfigNode {
  const file = node.fileName
  return file === undefined ? node : node.folder.document(file)
}

/** Entries of a list, those in the files it names included. */
function listed(node: ConfigNode, context: { folder: ConfigFolder; findings: Findings }): ConfigNode[] {
  return node.items().flatMap((entry) => {
    const path = entry.text ?? (entry.get('path').isThere ? entry.get('path').text : undefined)
    return path === undefined ? [entry] : inFiles(path, entry, context)
  })
}

function inFiles(path: string, node: ConfigNode, { folder, findings }: { folder: ConfigFolder; findings: Findings }): ConfigNode[] {
  if (/^\w+:\/\//.test(path) && !path.startsWith('file://')) {
    findings.leaveOut(node, `tests at ${path} are not fetched`, 'save them as a file beside the config')
    return []
  }
  const name = fileNameIn(path) ?? path
  if (isScript(name) || /\.xlsx?(?:#|$)/.test(name)) {
    findings.leaveOut(node, `the tests ${path} are ${isScript(name) ? 'a program' : 'a spreadsheet'}`, 'write them into a file: .yaml, .json, .jsonl or .csv')
    return []
  }
  const files = folder.files(name)
  if (files.length === 0) findings.refuse(node, `no file fits ${path}`, 'correct the name; it is relative to the config')
  return files.flatMap((file) => {
    const ending = extname(file).toLowerCase()
    if (ending === '.csv') return testsOfCsv(file, folder)
    if (ending === '.jsonl') return linesOf(file, folder)
    return listed(folder.document(file), { folder, findings })
  })
}

function linesOf(file: string, folder: ConfigFolder): ConfigNode[] {
  return folder.text(file).split('\n').flatMap((text, index) => (text.trim() === '' ? [] : [folder.inLine(text, { file, line: index + 1 })]))
}

/** The first layer wins; assertions of all are taken, the default's first. Null where it is left out. */
function merged(layers: readonly ConfigNode[], findings: Findings): Test | null {
  const [own] = layers
  if (own === undefined) return null
  for (const layer of layers) {
    const refused = layer.keys().find((key) => Object.hasOwn(REFUSED_KEYS, key) && layer.get(key).isThere)
    if (refused !== undefined) {
      findings.leaveOut(layer.get(refused), `${refused} of a test; the test is left out`, REFUSED_KEYS[refused] ?? '')
      return null
    }
    for (const key of layer.keys()) if (!TEST_KEYS.has(key) && !Object.hasOwn(REFUSED_KEYS, key)) findings.leaveOut(layer.get(key), `${key} of a test is not known here`, 'correct its name, or take it out')
  }
  const options = new Layered(layers.map((layer) => layer.get('options')))
  const withDefault = options.get('disableDefaultAsserts').value === true ? layers.slice(0, -1) : layers
  return {
    description: layers.map((layer) => layer.get('description').text).find((text) => text !== undefined),
    vars: Object.assign({}, ...[...layers].reverse().map((layer) => varsOf(layer.get('vars')))) as Record<string, unknown>,
    assert: [...withDefault].reverse().flatMap((layer) => layer.get('assert').items()),
    threshold: layers.map((layer) => layer.get('threshold').number).find((value) => value !== undefined),
    options,
    metadata: Object.assign({}, ...[...layers].reverse().map((layer) => (layer.get('metadata').isFields ? layer.get('metadata').value : {}))) as Record<string, unknown>,
    node: own,
  }
}

/** Variables by name, or files that hold them. */
function varsOf(node: ConfigNode): Record<string, unknown> {
  if (node.isFields) return node.value as Record<string, unknown>
  return Object.assign({}, ...node.items().flatMap((entry) => (entry.text === undefined ? [] : entry.folder.files(fileNameIn(entry.text) ?? entry.text).map((file) => entry.folder.document(file).value)))) as Record<string, unknown>
}

/** A list of texts stands for one test each; a list of anything else is one value. */
function combinations(test: Test, { folder, findings }: { folder: ConfigFolder; findings: Findings }): Test[] {
  let found: Record<string, unknown>[] = [{}]
  const isWhole = test.options.get('disableVarExpansion').value === true
  for (const [name, value] of Object.entries(test.vars)) {
    const many = Array.isArray(value) && typeof value[0] === 'string' && !isWhole ? (value as unknown[]) : [value]
    const values = many.flatMap((one) => (fileNameIn(one) === undefined ? [one] : contentsOf(String(one), test.node, { folder, findings })))
    if (values.length === 0) return []
    found = found.flatMap((vars) => values.map((one) => ({ ...vars, [name]: one })))
  }
  return found.map((vars) => ({ ...test, vars: resolved(vars) }))
}

const BINARY = /\.(?:pdf|png|jpe?g|gif|bmp|webp|svg|mp4|webm|ogg|mov|avi|mp3|wav|docx|xlsx)$/i

function contentsOf(reference: string, node: ConfigNode, { folder, findings }: { folder: ConfigFolder; findings: Findings }): unknown[] {
  const name = fileNameIn(reference) ?? ''
  if (isScript(name) || BINARY.test(name)) {
    findings.leaveOut(node.get('vars'), `the variable ${reference} is ${isScript(name) ? 'a program' : 'no text'}; its test is left out`, 'save what it gives as a text file')
    return []
  }
  const files = folder.files(name)
  if (files.length === 0) findings.refuse(node.get('vars'), `no file fits ${reference}`, 'correct the name; it is relative to the config')
  return files.map((file) => (/\.ya?ml$/.test(file) ? JSON.stringify(folder.document(file).value) : folder.text(file).trim()))
}

/** Variables may name others, and lose one line end at their end, as in promptfoo. */
function resolved(vars: Record<string, unknown>): Record<string, unknown> {
  const values = Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, typeof value === 'string' ? value.replace(/\n$/, '') : value]))
  for (let round = 0; round < 5; round++) {
    for (const [name, value] of Object.entries(values)) {
      if (typeof value === 'string') values[name] = value.replace(/\{\{\s*(\w+)\s*\}\}/, (whole, other: string) => (values[other] === undefined || other === name ? whole : String(values[other])))
    }
  }
  return values
}
