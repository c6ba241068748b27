#!/usr/bin/env node
// The door of `npx bancada`. It must run before anything is built and under any Node from 20 up,
// so it is plain JavaScript: it hands over to the Node that the project brings, and builds first if need be.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const own = at(process.platform === 'win32' ? 'node_modules/node/bin/node.exe' : 'node_modules/node/bin/node')
const node = existsSync(own) ? own : process.execPath
const main = at('dist/server/cli/main.js')

if (!existsSync(main)) {
  const built = spawnSync(node, [at('server/build.ts')], { stdio: ['ignore', 2, 2] })
  if (built.status !== 0) process.exit(1)
}
// The terminal sends Ctrl-C to both processes; this one stays until the other has ended in its own way.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
const result = spawnSync(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
process.exit(result.status ?? 1)
