/*
 * What of an answer an assertion reads, as promptfoo writes it in JavaScript. Read, never run: of the language only
 * output or JSON.parse(output), fields and places of it, and the methods of texts below are known.
 */

/** The expression is more of JavaScript than is known here. */
export class UnknownTransform extends Error {}

/** This answer has not what the expression takes of it. */
export class TransformFailed extends Error {}

type Step = (value: unknown) => unknown

const METHODS = new Map<string, (text: string) => string>([
  ['trim', (text) => text.trim()],
  ['trimStart', (text) => text.trimStart()],
  ['trimEnd', (text) => text.trimEnd()],
  ['toLowerCase', (text) => text.toLowerCase()],
  ['toUpperCase', (text) => text.toUpperCase()],
  ['toString', (text) => text],
])
const START = /^(?:JSON\.parse\(\s*(?:output|response)\s*\)|output|response)/
const STEP = /^(?:\??\.(?<method>\w+)\(\s*\)|\??\.(?<field>[A-Za-z_$][\w$]*)(?!\w*\()|(?:\?\.)?\[\s*(?:(?<place>\d+)|(?<quote>["'])(?<key>[^"']*)\k<quote>)\s*\])/

/** @throws {UnknownTransform} naming what is not known of the expression */
export function compileTransform(source: string): (output: string) => string {
  const steps = parse(source)
  // promptfoo's models may answer with an object where JSON was asked for, so output.name is a field of the JSON.
  return (output) => {
    let value: unknown = output
    for (const step of steps) value = step(value)
    if (value === undefined || value === null) throw new TransformFailed(`the transform ${source} gives nothing for this answer`)
    return typeof value === 'string' ? value : JSON.stringify(value)
  }
}

function parse(source: string): Step[] {
  let rest = source.trim().replace(/;$/, '').replace(/^return\s+/, '')
  const start = START.exec(rest)?.[0]
  const refuse = (): never => {
    throw new UnknownTransform(`transform ${JSON.stringify(source)} is JavaScript that is not known here; known are output or JSON.parse(output) with .name, [0], ${[...METHODS.keys()].map((name) => `.${name}()`).join(', ')}`)
  }
  if (start === undefined) return refuse()
  const steps: Step[] = start.startsWith('JSON') ? [(value) => parsedJson(value, source)] : []
  rest = rest.slice(start.length)
  while (rest !== '') {
    const match = STEP.exec(rest)
    const groups = match?.groups
    if (match === null || groups === undefined) return refuse()
    const { method } = groups
    if (method === undefined) steps.push((value) => memberOf(value, groups['field'] ?? groups['key'] ?? groups['place'] ?? '', source))
    else {
      const change = METHODS.get(method)
      if (change === undefined) return refuse()
      steps.push((value) => change(typeof value === 'string' ? value : JSON.stringify(value)))
    }
    rest = rest.slice(match[0].length)
  }
  return steps
}

function parsedJson(value: unknown, source: string): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    throw new TransformFailed(`the transform ${source} needs JSON, which the answer is not`)
  }
}

function memberOf(value: unknown, name: string, source: string): unknown {
  const holder = typeof value === 'string' ? parsedJson(value, source) : value
  return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name) ? (holder as Record<string, unknown>)[name] : undefined
}
