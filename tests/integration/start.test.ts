/** Starting and stopping, and the clashes that happen on a real machine. */
import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import type { ExperimentPage } from '../../server/contracts/index.js'
import { freePort, Running, startServer, temporaryFolder } from '../support/bancada.js'

describe('npm start', () => {
  it('queues the three shipped examples when the workbench is empty, and only then; its data folder is its own', async () => {
    await using home = await temporaryFolder()
    for (const time of ['first', 'second']) {
      await using server = await startServer(home.path, { args: ['--no-worker'] })
      const { experiments } = await server.get<ExperimentPage>('/api/experiments')
      expect(experiments.map((experiment) => experiment.kind)).toEqual(['rag', 'prompt', 'lora'])
      if (time === 'second') await expectRefused(home.path)
      expect(await server.stop()).toEqual({ code: 0, signal: null })
    }
  })

  it('says which port is taken and how to choose another', async () => {
    await using home = await temporaryFolder()
    const port = await freePort()
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve))
    await using server = new Running('dist/server/main.js', ['--no-examples', '--no-worker', '--port', String(port)], { BANCADA_HOME: home.path })
    expect((await server.ended).code).toBe(1)
    expect(server.output).toContain(String(port))
    expect(server.output).toMatch(/--port/)
    await new Promise((resolve) => other.close(resolve))
  })
})

async function expectRefused(home: string): Promise<void> {
  await using other = new Running('dist/server/main.js', ['--no-examples', '--no-worker', '--port', String(await freePort())], { BANCADA_HOME: home })
  expect((await other.ended).code).toBe(1)
  expect(other.output).toMatch(/already/)
  expect(other.output).toContain(home)
}
