/**
 * Builds what `npm start` needs, each step only when its inputs are newer than its last result:
 * the server and workers (tsc, into dist/), the dashboard (Vite, into dist/web).
 * Runs under Node's own type stripping, so it imports nothing but Node.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface Step {
  name: string
  inputs: string[]
  output: string
  command: string[]
}

const root = fileURLToPath(new URL('..', import.meta.url))

const STEPS: Step[] = [
  {
    name: 'server and workers',
    inputs: ['server', 'workers', 'experiments', 'datasets', 'models', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
    output: 'dist/server/main.js',
    // Types are checked by `npm run check`; a user who only starts the workbench need not wait three times as long.
    command: ['typescript/bin/tsc', '-p', 'tsconfig.build.json', '--noCheck'],
  },
  {
    name: 'dashboard',
    inputs: ['web', 'server/contracts', 'experiments', 'package-lock.json'],
    output: 'dist/web/index.html',
    command: ['vite/bin/vite.js', 'build', '--config', 'web/vite.config.ts', '--logLevel', 'warn'],
  },
]

const SOURCE = /\.(ts|js|svelte|css|html|prisma|json|svg)$/

function newestMs(path: string): number {
  const full = join(root, path)
  if (!existsSync(full)) return 0
  const stats = statSync(full)
  if (!stats.isDirectory()) return stats.mtimeMs
  let newest = 0
  for (const entry of readdirSync(full, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && SOURCE.test(entry.name)) newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs)
  }
  return newest
}

function stampOf(step: Step): string {
  return join(root, 'dist/.built', step.name.replaceAll(' ', '-'))
}

function isCurrent(step: Step): boolean {
  const stamp = stampOf(step)
  if (!existsSync(stamp) || !existsSync(join(root, step.output))) return false
  const builtMs = statSync(stamp).mtimeMs
  return step.inputs.every((input) => newestMs(input) <= builtMs)
}

async function build(step: Step): Promise<void> {
  if (isCurrent(step)) return
  const startedMs = Date.now()
  const stamp = stampOf(step)
  mkdirSync(dirname(stamp), { recursive: true })
  rmSync(stamp, { force: true })
  const [script = '', ...args] = step.command
  const child = spawn(process.execPath, [join(root, 'node_modules', script), ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (output += piece.toString()))
  const status = await new Promise((resolve) => child.on('close', resolve))
  if (status !== 0) {
    process.stderr.write(`${output}\nThe ${step.name} did not build. Is the installation complete? Try: npm ci\n`)
    process.exit(1)
  }
  // An input saved while the command ran must count as newer than its result.
  writeFileSync(stamp, '')
  utimesSync(stamp, startedMs / 1000, startedMs / 1000)
  process.stderr.write(`built the ${step.name} in ${((Date.now() - startedMs) / 1000).toFixed(1)} s\n`)
}

const major = Number(process.versions.node.split('.')[0])
if (major < 22) {
  process.stderr.write(`Bancada runs on Node 22.12 or later, and brings its own: run it through npm (npm start), not with node ${process.versions.node}.\n`)
  process.exit(1)
}
if (!STEPS.every(isCurrent)) process.stderr.write('building …\n')
await Promise.all(STEPS.map(build))
