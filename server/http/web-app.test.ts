import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { contentPolicy } from './web-app.js'

it('allows the inline scripts of the page by their digest, and no others', () => {
  const script = 'document.documentElement.dataset.theme = "dark"'
  const policy = contentPolicy(`<head><script>${script}</script><script type="module" src="/assets/a.js"></script></head>`)
  const digest = createHash('sha256').update(script).digest('base64')
  expect(policy).toContain(`script-src 'self' 'sha256-${digest}';`)
  expect(policy).not.toMatch(/script-src[^;]*unsafe/)
})
