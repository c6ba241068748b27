import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'

// Prisma keeps the schema as its formatter would align it.
const withoutAlignment = (schema: string): string => schema.replaceAll(/ +/g, ' ')

it('the database client in the repository is that of the schema and of the installed Prisma', () => {
  const { version } = createRequire(import.meta.url)('@prisma/client/package.json') as { version: string }
  const made = readFileSync(new URL('generated/internal/class.ts', import.meta.url), 'utf8')
  const valueOf = (name: string): unknown => JSON.parse(new RegExp(`"${name}": (".*"),?$`, 'm').exec(made)?.[1] ?? 'null')
  const schema = readFileSync(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8')
  expect(withoutAlignment(String(valueOf('inlineSchema'))), 'run npm run generate').toBe(withoutAlignment(schema))
  expect(valueOf('clientVersion'), 'let npm run generate name this version of prisma').toBe(version)
})
