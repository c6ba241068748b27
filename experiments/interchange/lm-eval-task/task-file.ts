/* A task of lm-evaluation-harness as its YAML says it, with what it includes, and where each key stands. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { isMap, isScalar, LineCounter, parseDocument, type ScalarTag } from 'yaml'
import { AppError } from '../../../server/contracts/index.js'

/** What stands behind `!function`: a name in a Python file. */
export class PythonCode {
  constructor(readonly name: string) {}
}

export interface Setting {
  key: string
  value: unknown
  file: string
  line: number | undefined
}

const FUNCTION = { tag: '!function', resolve: (name: string): PythonCode => new PythonCode(name) }
/** The harness reads YAML 1.1, where a bare yes or no is no text; of a key that stands twice it takes the last. */
const WORDS_FOR_BOOLEANS: ScalarTag = { tag: 'tag:yaml.org,2002:bool', default: true, test: /^(?:[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF)$/, resolve: (word) => /^(?:yes|on)$/i.test(word) }
const MAX_CHARACTERS = 10_000_000
const MAX_DEPTH = 20

export class TaskFile {
  private constructor(
    readonly path: string,
    private readonly settings: ReadonlyMap<string, Setting>,
  ) {}

  /** @throws {AppError} where it, or a file that it includes, is not there or is no YAML */
  static read(path: string): TaskFile {
    return new TaskFile(path, readSettings(path, dirname(resolve(path)), []))
  }

  /** Keys that are absent have the value undefined, and null is as good as absent. */
  get(key: string): Setting {
    return this.settings.get(key) ?? { key, value: undefined, file: this.path, line: undefined }
  }

  get all(): Setting[] {
    return [...this.settings.values()].filter(({ value }) => value !== undefined && value !== null)
  }

  /** With other settings in place of its own of the same keys. */
  with(settings: readonly Setting[]): TaskFile {
    return new TaskFile(this.path, new Map([...this.settings, ...settings.map((setting) => [setting.key, setting] as const)]))
  }

  /** These settings alone, the last of each key. */
  only(settings: readonly Setting[]): TaskFile {
    return new TaskFile(this.path, new Map(settings.map((setting) => [setting.key, setting])))
  }

  text(key: string, fallback = ''): string {
    const { value } = this.get(key)
    return typeof value === 'string' ? value : fallback
  }
}

export function yamlFilesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function readSettings(path: string, root: string, from: readonly string[]): Map<string, Setting> {
  const file = relative(root, resolve(path)) || path
  if (from.length > MAX_DEPTH) throw new AppError('invalid_request', `Nothing was imported: ${file}: include goes in a circle: ${from.join(' → ')}`)
  const own = ownSettings(path, file)
  const included = own.get('include')
  own.delete('include')
  const all = new Map<string, Setting>()
  for (const name of namesIn(included)) {
    for (const [key, setting] of readSettings(resolve(dirname(path), name), root, [...from, file])) all.set(key, setting)
  }
  for (const [key, setting] of own) all.set(key, setting)
  return all
}

function namesIn(included: Setting | undefined): string[] {
  const value = included?.value
  const names: unknown[] = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
  return names.map((name) => {
    if (typeof name === 'string') return name
    throw new AppError('invalid_request', `Nothing was imported: ${included?.file}:${included?.line} include: a name of a file is wanted, and it reads ${JSON.stringify(name)}`)
  })
}

function ownSettings(path: string, file: string): Map<string, Setting> {
  const lines = new LineCounter()
  const tree = parseDocument(textOf(path, file), { lineCounter: lines, customTags: [FUNCTION, WORDS_FOR_BOOLEANS], merge: true, uniqueKeys: false, logLevel: 'silent' })
  const [fault] = tree.errors
  if (fault !== undefined) throw new AppError('invalid_request', `Nothing was imported: ${file}:${lines.linePos(fault.pos[0]).line} is not valid YAML: ${fault.message}`)
  const settings = new Map<string, Setting>()
  if (!isMap(tree.contents)) return settings
  const values = tree.toJS() as Record<string, unknown>
  for (const { key } of tree.contents.items) {
    if (!isScalar(key)) continue
    const name = String(key.value)
    settings.set(name, { key: name, value: values[name], file, line: key.range ? lines.linePos(key.range[0]).line : undefined })
  }
  return settings
}

function textOf(path: string, file: string): string {
  try {
    if (statSync(path).size > MAX_CHARACTERS) throw new Error(`it has more than ${MAX_CHARACTERS} bytes`)
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new AppError('invalid_request', `Nothing was imported: cannot read ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}
