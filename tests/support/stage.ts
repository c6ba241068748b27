/* A server with a data folder of its own, and a browser before it. */
import type { Browser } from 'playwright-core'
import { type Server, startServer, temporaryFolder } from './bancada.js'
import { launchChromium } from './chromium.js'

export class Stage {
  private constructor(
    /** The server's data folder. */
    readonly home: string,
    readonly server: Server,
    readonly browser: Browser,
    private readonly opened: AsyncDisposableStack,
  ) {}

  /** @param options as `startServer` takes them. @throws where Chromium is absent */
  static async open(options: Parameters<typeof startServer>[1] = {}): Promise<Stage> {
    await using opening = new AsyncDisposableStack()
    const home = opening.use(await temporaryFolder())
    const server = opening.use(await startServer(home.path, options))
    const browser = await launchChromium()
    opening.defer(() => browser.close())
    return new Stage(home.path, server, browser, opening.move())
  }

  async close(): Promise<void> {
    await this.opened.disposeAsync()
  }
}
