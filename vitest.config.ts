import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{server,workers,experiments,datasets}/**/*.test.ts', 'web/src/**/*.test.ts', 'tests/{contract,integration,golden,e2e,bench}/**/*.test.ts'],
    // Two files at a time: the suites start servers, workers and browsers of their own.
    maxWorkers: 2,
    // Limits for what hangs, not for what is slow: machines differ, and speed is the bench's.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
  },
})
