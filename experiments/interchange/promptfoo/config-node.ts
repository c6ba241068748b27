/* A value of a promptfoo config with the place where it stands, through the files that it names. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, extname, isAbsolute, relative, resolve } from 'node:path'
import { AppError } from '../../../server/contracts/index.js'
import { type Path, pathText, readSource } from '../../source.js'

interface Document {
  /** Relative to the folder of the config. */
  file: string
  value: unknown
  lineOf: (path: Path) => number | undefined
}

const MAX_CHARACTERS = 50_000_000

/** The config's folder: everything it names lies relative to it. */
export class ConfigFolder {
  readonly #read = new Map<string, Document>()

  constructor(readonly path: string) {}

  /** @throws AppError where the file is not there or is no YAML */
  document(file: string): ConfigNode {
    const path = resolve(this.path, file)
    const shown = this.shown(path)
    const known = this.#read.get(path) ?? { file: shown, ...readSource(this.text(file), path.endsWith('.json') ? 'json' : 'yaml', { what: shown, maxCharacters: MAX_CHARACTERS, merge: true }) }
    this.#read.set(path, known)
    return new ConfigNode(known, [], known.value, this)
  }

  text(file: string): string {
    try {
      return readFileSync(resolve(this.path, file), 'utf8').replace(/^\uFEFF/, '')
    } catch (cause) {
      throw new AppError('invalid_request', `Nothing was imported: cannot read ${this.shown(resolve(this.path, file))}, which the config names: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  }

  /** Files that a name stands for, in order of their names; the name itself where such a file is there. */
  files(pattern: string): string[] {
    const path = resolve(this.path, pattern)
    if (existsSync(path) || !/[*?[{]/.test(pattern)) return [this.shown(path)]
    return globSync(pattern, { cwd: this.path }).sort().map((found) => this.shown(resolve(this.path, found)))
  }

  /** One line of JSON Lines. */
  inLine(text: string, { file, line }: { file: string; line: number }): ConfigNode {
    try {
      return ConfigNode.inLine(JSON.parse(text) as unknown, { file, line, folder: this })
    } catch (cause) {
      throw new AppError('invalid_request', `Nothing was imported: ${file}, line ${line}: not JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  }

  shown(path: string): string {
    const short = relative(this.path, path)
    return short.startsWith('..') || isAbsolute(short) ? path : short.replaceAll('\\', '/')
  }
}

export class ConfigNode {
  constructor(
    private readonly document: Document,
    private readonly path: Path,
    readonly value: unknown,
    readonly folder: ConfigFolder,
  ) {}

  /** A value made of a line of another kind of file. */
  static inLine(value: unknown, { file, line, folder }: { file: string; line: number; folder: ConfigFolder }): ConfigNode {
    return new ConfigNode({ file, value, lineOf: () => line }, [], value, folder)
  }

  get file(): string {
    return this.document.file
  }

  get line(): number | undefined {
    return this.document.lineOf(this.path)
  }

  get key(): string {
    return pathText(this.path)
  }

  get isThere(): boolean {
    return this.value !== undefined && this.value !== null
  }

  get isFields(): boolean {
    return typeof this.value === 'object' && this.value !== null && !Array.isArray(this.value)
  }

  /** As a text; undefined for what is none. */
  get text(): string | undefined {
    return typeof this.value === 'string' ? this.value : undefined
  }

  get number(): number | undefined {
    return typeof this.value === 'number' && Number.isFinite(this.value) ? this.value : undefined
  }

  get(key: string): ConfigNode {
    const value = this.isFields && Object.hasOwn(this.value as object, key) ? (this.value as Record<string, unknown>)[key] : undefined
    return new ConfigNode(this.document, [...this.path, key], value, this.folder).resolved()
  }

  keys(): string[] {
    return this.isFields ? Object.keys(this.value as object) : []
  }

  /** Entries of a list; a single value is a list of itself. */
  items(): ConfigNode[] {
    if (!this.isThere) return []
    if (!Array.isArray(this.value)) return [this]
    return this.value.map((entry: unknown, index) => new ConfigNode(this.document, [...this.path, index], entry, this.folder).resolved())
  }

  /** The file it names as `file://…`, without what follows a colon as the name of a function; undefined for other values. */
  get fileName(): string | undefined {
    return fileNameIn(this.value)
  }

  /** `$ref` followed, in this file or another. */
  private resolved(depth = 0): ConfigNode {
    const reference = this.isFields ? (this.value as Record<string, unknown>)['$ref'] : undefined
    if (typeof reference !== 'string' || depth > 10) return this
    const [file = '', pointer = ''] = reference.split('#')
    const root = file === '' ? new ConfigNode(this.document, [], this.document.value, this.folder) : this.folder.document(resolve(dirname(resolve(this.folder.path, this.file)), file))
    const found = pointer.split('/').filter((part) => part !== '').reduce((node: ConfigNode, part) => node.get(part.replaceAll('~1', '/').replaceAll('~0', '~')), root)
    return found.isThere ? found.resolved(depth + 1) : this
  }
}

export function fileNameIn(value: unknown): string | undefined {
  const name = typeof value === 'string' && value.startsWith('file://') ? value.slice('file://'.length) : undefined
  return name?.replace(/(\.[A-Za-z0-9]{1,5}):\w+$/, '$1')
}

export const isScript = (file: string): boolean => ['.js', '.cjs', '.mjs', '.ts', '.cts', '.mts', '.py', '.rb', '.sh'].includes(extname(file).toLowerCase())
