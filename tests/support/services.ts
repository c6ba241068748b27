/*
 * Real PostgreSQL and Redis for contract tests, private to the test: on a free port, with their
 * data in a temporary folder, stopped at the end. Where a program is absent, Chromium too, its tests
 * are skipped by a name that says what to install; with REQUIRE_SERVICES=1 they fail instead.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { freePort, pause } from './bancada.js'
import { chromiumProgram } from './chromium.js'

export interface Service {
  url: string
  stop(): Promise<void>
}

const areRequired = process.env['REQUIRE_SERVICES'] === '1'
const SERVICES = {
  PostgreSQL: { find: postgresFolder, install: 'postgresql' },
  Redis: { find: redisProgram, install: 'redis-server' },
  Chromium: { find: chromiumProgram, install: 'chromium' },
}

/** A suite that needs a program: skipped by name where it is absent, unless services are required. */
export function describeWith(service: keyof typeof SERVICES, name: string, body: () => void): void {
  const { find, install } = SERVICES[service]
  if (find() !== null || areRequired) describe(name, body)
  else describe.skip(`${name} (skipped: ${service} is absent; install it with: apt-get install ${install})`, body)
}

/** The folder of PostgreSQL's programs, newest version first; null where there is none. */
function postgresFolder(): string | null {
  const base = '/usr/lib/postgresql'
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...versions.map((version) => join(base, version, 'bin')), ...(process.env['PATH'] ?? '').split(':')]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) ?? null
}

function redisProgram(): string | null {
  const folder = (process.env['PATH'] ?? '').split(':').find((candidate) => existsSync(join(candidate, 'redis-server')))
  return folder === undefined ? null : join(folder, 'redis-server')
}

export async function startPostgres(): Promise<Service> {
  const programs = postgresFolder()
  if (programs === null) throw new Error('PostgreSQL is required and absent; install it with: apt-get install postgresql')
  const folder = mkdtempSync(join(tmpdir(), 'bancada-postgres-'))
  // PostgreSQL refuses to run as root; its package brings a user of its own.
  const identity = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {}
  if (identity.uid !== undefined) chownSync(folder, identity.uid, identity.gid)
  execFileSync(join(programs, 'initdb'), ['-D', join(folder, 'data'), '-U', 'bancada', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'], { ...identity, cwd: folder, stdio: 'pipe' })
  const port = await freePort()
  const settings = ['-c', `unix_socket_directories=${folder}`, '-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off', '-c', 'timezone=America/Sao_Paulo']
  const child = spawn(join(programs, 'postgres'), ['-D', join(folder, 'data'), '-p', String(port), ...settings], { ...identity, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  await untilListening(child, port, 'PostgreSQL')
  return { url: `postgresql://bancada@127.0.0.1:${port}/postgres`, stop: () => stop(child, 'SIGINT', folder) }
}

export async function startRedis(): Promise<Service> {
  const program = redisProgram()
  if (program === null) throw new Error('Redis is required and absent; install it with: apt-get install redis-server')
  const folder = mkdtempSync(join(tmpdir(), 'bancada-redis-'))
  const port = await freePort()
  const child = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'], { stdio: ['ignore', 'pipe', 'pipe'] })
  await untilListening(child, port, 'Redis')
  return { url: `redis://127.0.0.1:${port}`, stop: () => stop(child, 'SIGTERM', folder) }
}

function idOf(flag: '-u' | '-g'): number {
  return Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
}

async function untilListening(child: ChildProcess, port: number, name: string): Promise<void> {
  let output = ''
  let isOver = false
  child.stdout?.on('data', (text: Buffer) => (output += text.toString()))
  child.stderr?.on('data', (text: Buffer) => (output += text.toString()))
  child.on('exit', () => (isOver = true))
  for (let turn = 0; turn < 300; turn += 1) {
    if (isOver) throw new Error(`${name} ended at its start:\n${output}`)
    // PostgreSQL accepts connections before it is ready for them.
    const isReady = name !== 'PostgreSQL' || output.includes('ready to accept connections')
    if (isReady && (await answers(port))) return
    await pause(50)
  }
  child.kill('SIGKILL')
  throw new Error(`${name} did not listen on port ${port}:\n${output}`)
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function stop(child: ChildProcess, signal: NodeJS.Signals, folder: string): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal)
    await ended
  }
  rmSync(folder, { recursive: true, force: true })
}
