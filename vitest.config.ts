import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{server,workers,experiments,datasets}/**/*.test.ts', 'web/src/**/*.test.ts', 'tests/{contract,integration,golden,e2e}/**/*.test.ts'],
  },
})
