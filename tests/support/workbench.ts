/* A server with a data folder and a worker of its own, for tests that run experiments. */
import type { CreatedExperiment, Experiment } from '../../server/contracts/index.js'
import { isOver, type Server, startServer, startWorker, temporaryFolder, until } from './bancada.js'

export class Workbench {
  private constructor(
    /** The server's data folder. */
    readonly home: string,
    readonly server: Server,
    private readonly opened: AsyncDisposableStack,
  ) {}

  static async open(worker: string): Promise<Workbench> {
    await using opening = new AsyncDisposableStack()
    const home = opening.use(await temporaryFolder())
    const server = opening.use(await startServer(home.path))
    opening.use(startWorker(server.url, home.path, worker))
    return new Workbench(home.path, server, opening.move())
  }

  /** Queues an experiment and waits until it has ended, one way or another. */
  async run(spec: object): Promise<Experiment> {
    const { id } = await this.server.post<CreatedExperiment>('/api/experiments', spec)
    return until(() => this.server.get<Experiment>(`/api/experiments/${id}`), isOver)
  }

  async close(): Promise<void> {
    await this.opened.disposeAsync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
