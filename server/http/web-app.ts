/* The dashboard's files, with the headers that let a browser keep them and keep it from running anything else. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { NextFunction, Request, Response } from 'express'
import { isApi } from './access.js'

export function serveWebApp(app: NestExpressApplication, folder: string): void {
  const index = join(folder, 'index.html')
  if (!existsSync(index)) return
  const html = readFileSync(index, 'utf8')
  const policy = contentPolicy(html)
  app.use((request: Request, response: Response, next: NextFunction) => {
    response.setHeader('x-content-type-options', 'nosniff')
    response.setHeader('referrer-policy', 'same-origin')
    response.setHeader('x-frame-options', 'DENY')
    if (!isApi(request)) response.setHeader('content-security-policy', policy)
    next()
  })
  app.useStaticAssets(folder, {
    index: false,
    setHeaders: (response: Response, path: string) => {
      // Vite names the files in assets/ by their content: such a name never means other bytes.
      response.setHeader('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  app.use((request: Request, response: Response, next: NextFunction) => {
    const isPage = (request.method === 'GET' || request.method === 'HEAD') && !isApi(request) && !/\.\w+$/.test(request.path)
    if (!isPage) return next()
    response.setHeader('cache-control', 'no-cache')
    response.type('html').send(html)
  })
}

/** Everything from here and nothing from elsewhere; the page's own inline scripts are allowed by their digests. */
export function contentPolicy(html: string): string {
  const digests = [...html.matchAll(/<script(?:\s+type="module")?>([\s\S]*?)<\/script>/g)].map((match) => `'sha256-${createHash('sha256').update(match[1] ?? '').digest('base64')}'`)
  return [
    `default-src 'self'`,
    [`script-src 'self'`, ...digests].join(' '),
    `style-src 'self' 'unsafe-inline'`,
    `img-src 'self' data: blob:`,
    `object-src 'none'`,
    `base-uri 'none'`,
    `form-action 'self'`,
    `frame-ancestors 'none'`,
  ].join('; ')
}
