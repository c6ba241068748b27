import { join } from 'node:path'
import { expect, it } from 'vitest'
import { datasetRoots, localWorkerName, readSettings } from './settings.js'

it('has defaults for a laptop', () => {
  const settings = readSettings([], {})
  expect(settings).toMatchObject({ host: '127.0.0.1', port: 4400, withWorker: true, withExamples: true, logLevel: 'info', token: undefined, databaseUrl: undefined, redisUrl: undefined })
  expect(settings?.home).toBe(join(process.cwd(), '.bancada'))
  expect(settings?.version).toMatch(/^\d+\.\d+\.\d+$/)
})

it('lets arguments win over the environment', () => {
  expect(readSettings(['--port', '5000', '--no-worker', '--no-examples'], { PORT: '6000' })).toMatchObject({ port: 5000, withWorker: false, withExamples: false })
  for (const help of ['--help', '-h']) expect(readSettings([help], {})).toBeNull()
})

it.each([
  [['--port', 'abc'], {}, /port is "abc"/],
  [[], { PORT: '70000' }, /port is "70000"/],
  [['--prot', '1'], {}, /--prot.*Options are --port/],
  [[], { HOST: '0.0.0.0' }, /HOST is "0.0.0.0".*BANCADA_TOKEN/],
  [[], { LOG_LEVEL: 'verbose' }, /LOG_LEVEL is "verbose"; it must be one of debug, info, warn, error/],
  [[], { DATABASE_URL: 'mysql://x' }, /DATABASE_URL must begin with postgresql:\/\//],
  [[], { REDIS_URL: 'localhost' }, /REDIS_URL must begin with redis:\/\//],
  [[], { ARTIFACTS_URL: 's3://bucket' }, /ARTIFACTS_URL is set.*not supported yet/],
])('refuses %j with %j', (args, env, message) => {
  expect(() => readSettings(args, env)).toThrow(message)
})

it('listens to the world with a token, looks for datasets in two places and names its worker after its folder', () => {
  const settings = readSettings([], { HOST: '0.0.0.0', BANCADA_TOKEN: 'secret', BANCADA_HOME: '/data' })
  if (settings === null) throw new Error('no settings')
  expect(datasetRoots(settings)).toEqual([join(settings.root, 'datasets'), '/data/datasets'])
  expect(localWorkerName(settings)).toMatch(/^local:[\w.-]+:[0-9a-f]{8}$/)
  expect(localWorkerName(settings)).not.toBe(localWorkerName({ ...settings, home: '/other' }))
})
