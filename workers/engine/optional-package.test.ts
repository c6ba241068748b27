import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it, vi } from 'vitest'
import { findOptionalPackage, installCommand, loadOptionalPackage, packagesFolder } from './optional-package.js'

const folder = mkdtempSync(join(tmpdir(), 'packages-'))
beforeEach(() => vi.stubEnv('BANCADA_PACKAGES', folder))
afterAll(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

function install(name: string, manifest: object, files: Record<string, string>): void {
  const place = join(folder, 'node_modules', name)
  mkdirSync(place, { recursive: true })
  writeFileSync(join(place, 'package.json'), JSON.stringify({ name, version: '1.2.3', ...manifest }))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(place, file), text)
}

const purpose = 'device tfjs-webgpu'

it.each([
  ['es-module', { type: 'module', exports: { '.': { types: './x.d.ts', require: './none.cjs', import: './module.js' } } }, { 'module.js': 'export const answer = 42' }],
  ['@scope/common', { main: 'lib.js' }, { 'lib.js': "module.exports = Object.fromEntries([['answer', 42]])" }],
  ['bare', {}, { 'index.js': 'exports.answer = 42' }],
  ['one-door', { type: 'module', exports: './only.js' }, { 'only.js': 'export const answer = 42' }],
])('loads %s from the folder of the user', async (name, manifest, files) => {
  install(name, manifest, files)
  expect(findOptionalPackage(name)).toMatchObject({ version: '1.2.3' })
  expect(await loadOptionalPackage<{ answer: number }>({ name, version: '1.2.3', purpose })).toMatchObject({ answer: 42 })
})

it('finds what the project itself has installed', () => {
  expect(findOptionalPackage('onnxruntime-node')?.version).toMatch(/^\d+\./)
})

it('says what to install where a package is missing', async () => {
  await expect(loadOptionalPackage({ name: 'not-there', version: '2.0.0', purpose })).rejects.toMatchObject({
    code: 'package_missing',
    message: `device tfjs-webgpu needs the package not-there 2.0.0, which is not installed. Install it with: npm install --prefix ${folder} not-there@2.0.0`,
  })
})

it('says which version does not load, and why', async () => {
  install('broken', { type: 'module' }, { 'index.js': 'throw new Error("no driver")' })
  await expect(loadOptionalPackage({ name: 'broken', version: '2.0.0', purpose })).rejects.toThrow('the version 1.2.3 that is installed does not load: no driver')
})

it('takes the folder of the data when none is named', () => {
  expect(packagesFolder({ BANCADA_HOME: '/data/bancada' })).toBe('/data/bancada')
  expect(packagesFolder({})).toMatch(/\.bancada$/)
  vi.stubEnv('BANCADA_PACKAGES', '')
  vi.stubEnv('BANCADA_HOME', '')
  expect(installCommand({ name: 'webgpu', version: '0.6.2' })).toBe('npm install --prefix .bancada webgpu@0.6.2')
})
