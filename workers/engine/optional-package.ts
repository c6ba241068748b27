/**
 * Packages that are too big, or too bound to one machine, to be dependencies: used where the user installed them.
 * They are looked for in the project's node_modules, then in a folder of the user's own, which an `npm ci` leaves alone.
 */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { EngineError } from './engine-error.js'

export interface OptionalPackage {
  name: string
  /** The version this project was written against; others are tried, and named where they fail. */
  version: string
  /** What it gives, for the message: "device tfjs-webgpu". */
  purpose: string
}

/** Folder that holds the user's node_modules: BANCADA_PACKAGES, else BANCADA_HOME, else `.bancada` of the project. */
export function packagesFolder(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env['BANCADA_PACKAGES'] || env['BANCADA_HOME'] || join(projectRoot(), '.bancada'))
}

/** As a user would type it in the project's folder. */
export function installCommand({ name, version }: Pick<OptionalPackage, 'name' | 'version'>): string {
  const folder = packagesFolder()
  const short = relative(projectRoot(), folder)
  return `npm install --prefix ${short.startsWith('..') ? folder : short || '.'} ${name}@${version}`
}

export interface FoundPackage {
  version: string
  /** The file to load. */
  entry: string
  isCommonJs: boolean
}

/** Null where it is not installed. */
export function findOptionalPackage(name: string): FoundPackage | null {
  const folder = [projectRoot(), packagesFolder()].map((base) => join(base, 'node_modules', name)).find((place) => existsSync(join(place, 'package.json')))
  if (folder === undefined) return null
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version?: string; type?: string; main?: string; exports?: unknown }
  const entry = join(folder, exportedEntry(manifest.exports) ?? manifest.main ?? 'index.js')
  return { version: manifest.version ?? 'unknown', entry, isCommonJs: !entry.endsWith('.mjs') && (entry.endsWith('.cjs') || manifest.type !== 'module') }
}

/**
 * Imports the package. The caller says what it expects of it in `T`.
 * @throws {EngineError} `package_missing` with the exact command where it is not installed or does not load
 */
export async function loadOptionalPackage<T>(wanted: OptionalPackage): Promise<T> {
  const { name, version, purpose } = wanted
  const details = { package: name, version, command: installCommand(wanted) }
  const found = findOptionalPackage(name)
  if (found === null) throw new EngineError('package_missing', `${purpose} needs the package ${name} ${version}, which is not installed. Install it with: ${details.command}`, details)
  try {
    // Importing a CommonJS module finds only the names it can guess from its text.
    return found.isCommonJs ? (createRequire(import.meta.url)(found.entry) as T) : ((await import(pathToFileURL(found.entry).href)) as T)
  } catch (cause) {
    throw new EngineError('package_missing', `${purpose} needs the package ${name} ${version}; the version ${found.version} that is installed does not load: ${cause instanceof Error ? cause.message : cause}. Install it again with: ${details.command}`, details, cause)
  }
}

/** The file that `import` of the bare name would load, by the package's own conditions. */
function exportedEntry(exports: unknown): string | null {
  if (typeof exports === 'string') return exports
  if (typeof exports !== 'object' || exports === null) return null
  for (const [condition, target] of Object.entries(exports)) {
    const entry = ['.', 'node', 'import', 'default'].includes(condition) ? exportedEntry(target) : null
    if (entry !== null) return entry
  }
  return null
}

/** The compiled tree lies one folder deeper than the sources, so the root is looked for, not counted to. */
function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder)
  return folder
}
