/*
 * Who may ask. Without a token the server answers this machine only, and guards against web pages
 * that make a browser ask for them: a foreign Host is DNS rebinding, a foreign Origin is forgery.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { NextFunction, Request, Response } from 'express'
import { AppError } from '../contracts/index.js'
import { isLoopback, type Settings } from '../settings.js'

const COOKIE = 'bancada_token'
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

export function guardAccess(settings: Pick<Settings, 'token'>) {
  return (request: Request, response: Response, next: NextFunction): void => {
    // PostgreSQL text holds no NUL, so nothing that is stored can have such a name.
    if (request.originalUrl.includes('%00')) throw new AppError('invalid_request', 'The address holds the character NUL (%00), which no name here has; take it out.')
    if (settings.token === undefined) assertLocalHost(request)
    assertOwnOrigin(request)
    if (settings.token === undefined) return next()
    if (signIn(request, response, settings.token)) return
    if (!isPublicFile(request) && !isShared(request) && !isEqual(shownToken(request), settings.token)) {
      throw new AppError('unauthorized', 'This server asks for its token: send "Authorization: Bearer …", or open /?token=… once in the browser.')
    }
    next()
  }
}

/** Whatever case it is written in: a path that a route may take for its own must not pass for a page. */
export function isApi(request: Request): boolean {
  return /^\/+api(?:\/|$)/i.test(request.path)
}

/** The dashboard's own files, which hold no data. All else asks for the token. */
function isPublicFile(request: Request): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && !isApi(request)
}

/** Reading one shared view asks for its own token alone: 128 random bits that are part of the path. */
function isShared(request: Request): boolean {
  return (request.method === 'GET' || request.method === 'HEAD') && /^\/api\/shares\/[\w-]{22}$/.test(request.path)
}

function hostOf(authority: string): string {
  const name = authority.replace(/:\d+$/, '').toLowerCase()
  return name.startsWith('[') ? name.slice(1, -1) : name
}

function assertLocalHost(request: Request): void {
  const host = request.headers.host
  if (host !== undefined && isLoopback(hostOf(host))) return
  throw new AppError('forbidden', `The request names the host "${host ?? ''}"; without a token this server answers only to localhost and 127.0.0.1.`)
}

function assertOwnOrigin(request: Request): void {
  const { origin, host } = request.headers
  if (SAFE_METHODS.has(request.method) || origin === undefined) return
  const authority = /^https?:\/\/([^/]+)$/.exec(origin)?.[1]
  if (authority !== undefined && authority.toLowerCase() === host?.toLowerCase()) return
  throw new AppError('forbidden', `The request comes from a page of "${origin}"; only this server's own pages may change anything.`)
}

/** `/?token=…` trades the token for a cookie, so that the address bar does not keep it. */
function signIn(request: Request, response: Response, token: string): boolean {
  const { token: shown, ...rest } = request.query
  if (isApi(request) || typeof shown !== 'string' || !isEqual(shown, token)) return false
  response.setHeader('set-cookie', `${COOKIE}=${encodeURIComponent(token)}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000`)
  const query = new URLSearchParams(rest as Record<string, string>).toString()
  response.redirect(303, query === '' ? request.path : `${request.path}?${query}`)
  return true
}

function shownToken(request: Request): string {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
  if (bearer !== undefined) return bearer
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=')
    if (name === COOKIE && value !== undefined) return decodeCookie(value)
  }
  return ''
}

function decodeCookie(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    // A cookie that is no valid text is not the token.
    return ''
  }
}

/** Digests have equal lengths, so the comparison tells nothing by its duration. */
function isEqual(shown: string, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(shown), digest(token))
}
