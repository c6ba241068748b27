/* A server in the test's own process, so that its parts can be reached. */
import { readSettings } from '../../server/settings.js'
import { startServer, type RunningServer } from '../../server/start.js'

/** Without worker and examples, on any free port; only errors are logged. */
export async function startServerHere(home: string, env: NodeJS.ProcessEnv = {}): Promise<RunningServer> {
  const settings = readSettings(['--port', '0', '--no-worker', '--no-examples'], { BANCADA_HOME: home, LOG_LEVEL: 'error', ...env })
  if (settings === null) throw new Error('no settings')
  return startServer(settings)
}
