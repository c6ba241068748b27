/*
 * From a raw e-mail (RFC 822, MIME) to its subject and readable text: decoding, tags and entities away,
 * quoted replies and signatures dropped, addresses, links and long numbers masked.
 * Only as much of MIME as the mails of the source use; anything else gives undefined and is left out.
 */

export interface MailText {
  subject: string
  body: string
}

interface Part {
  headers: Map<string, string>
  body: string
}

const MAX_MULTIPART_DEPTH = 4
const WESTERN_CHARSETS = new Set(['', 'us-ascii', 'ascii', 'utf-8', 'iso-8859-1', 'iso-8859-15', 'windows-1252', 'default_charset'])

/** Reads a raw mail; undefined where it holds no text in a western charset. */
export function readMail(raw: string): MailText | undefined {
  const part = parsePart(raw.replace(/\r\n?/g, '\n').replace(/^From .*\n/, ''))
  const body = textOf(part, 0)
  if (body === undefined) return undefined
  return { subject: maskPrivate(cleanSubject(part.headers.get('subject') ?? '')), body: maskPrivate(collapse(dropQuotes(decodeEntities(body)))) }
}

function parsePart(raw: string): Part {
  const end = raw.indexOf('\n\n')
  const head = end === -1 ? raw : raw.slice(0, end)
  const headers = new Map<string, string>()
  for (const field of head.replace(/\n[ \t]+/g, ' ').split('\n')) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon).trim().toLowerCase()
    if (colon > 0 && !headers.has(name)) headers.set(name, field.slice(colon + 1).trim())
  }
  return { headers, body: end === -1 ? '' : raw.slice(end + 2) }
}

function textOf(part: Part, depth: number): string | undefined {
  const type = part.headers.get('content-type') ?? 'text/plain'
  if (/^multipart\//i.test(type)) {
    const boundary = /boundary\s*=\s*(?:"([^"]+)"|([^;\s]+))/i.exec(type)
    const mark = boundary?.[1] ?? boundary?.[2]
    if (mark === undefined || depth >= MAX_MULTIPART_DEPTH) return undefined
    const inner = part.body.split(`--${mark}`).slice(1).map((section) => parsePart(section.replace(/^\n/, '')))
    // The plain version first: it is what the writer meant to be read.
    const plainFirst = inner.filter((one) => !isHtml(one)).concat(inner.filter(isHtml))
    return plainFirst.map((one) => textOf(one, depth + 1)).find((text) => text !== undefined && text.trim() !== '')
  }
  if (!/^text\/(plain|html)/i.test(type)) return undefined
  const charset = (/charset\s*=\s*"?([\w-]+)/i.exec(type)?.[1] ?? '').toLowerCase()
  if (!WESTERN_CHARSETS.has(charset)) return undefined
  const text = decodeTransfer(part.body, part.headers.get('content-transfer-encoding') ?? '', charset)
  return isHtml(part) || /<(html|body|table|font|br)\b/i.test(text) ? htmlToText(text) : text
}

function isHtml(part: Part): boolean {
  return /^text\/html/i.test(part.headers.get('content-type') ?? '')
}

function decodeTransfer(body: string, encoding: string, charset: string): string {
  const nodeCharset = charset === 'utf-8' ? 'utf8' : 'latin1'
  if (/^base64/i.test(encoding)) return Buffer.from(body, 'base64').toString(nodeCharset)
  if (!/^quoted-printable/i.test(encoding)) return body
  const bytes = body.replace(/=[ \t]*\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString(nodeCharset)
}

const ENTITIES: Record<string, string> = { nbsp: ' ', amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", copy: '(c)', reg: '(R)', trade: '(TM)', bull: '-', middot: '-', mdash: '-', ndash: '-', hellip: '...', ldquo: '"', rdquo: '"', lsquo: "'", rsquo: "'", eacute: 'é' }

function htmlToText(html: string): string {
  return html
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/<(script|style|title|head)\b[\s\S]*?<\/\1\s*>/gi, ' ')
    .replace(/<\/?(p|br|div|tr|td|li|h\d|table|center|blockquote|hr|ul|ol)\b[^>]*>/gi, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/<[^>]*$/, '')
}

function decodeEntities(text: string): string {
  return text
    .replace(/&#x?([0-9a-f]+);?/gi, (entity, code: string) => codePoint(entity, code))
    .replace(/&([a-z]+);?/gi, (entity, name: string) => ENTITIES[name.toLowerCase()] ?? entity)
}

function codePoint(entity: string, code: string): string {
  const value = Number.parseInt(code, /^&#x/i.test(entity) ? 16 : 10)
  return value >= 32 && value < 0xd800 ? String.fromCodePoint(value) : ' '
}

/** Drops what replies quote, the line that announces it, signatures and list footers: none of it is this mail. */
function dropQuotes(text: string): string {
  const kept: string[] = []
  for (const line of text.split('\n')) {
    if (/^--\s*$/.test(line) || /^[-_=]{12,}\s*$/.test(line)) {
      if (kept.join('').trim().length > 40) break
      continue
    }
    if (/^-+BEGIN PGP SIGNATURE/.test(line)) break
    if (/^-+BEGIN PGP|^Hash: SHA/.test(line)) continue
    if (/^\s*[>|]/.test(line) || /^\s*[A-Za-z]{1,3}>/.test(line)) continue
    if (/(wrote|writes|said|says)\s*:\s*$/.test(line) || /^-{2,}.*(original|forwarded) message/i.test(line)) continue
    if (/^\s*(from|to|cc|date|sent|subject|url|message-id)\s*:/i.test(line) || /^\s*on (mon|tue|wed|thu|fri|sat|sun)[a-z]*,? .*\d{4}/i.test(line)) continue
    kept.push(line)
  }
  return kept.join('\n')
}

/** Decodes encoded words and drops mailing-list tags: `[ILUG]` names the list, not the kind of mail. */
function cleanSubject(subject: string): string {
  const decoded = subject.replace(/=\?([\w-]+)\?([bq])\?([^?]*)\?=\s*/gi, (_, charset: string, kind: string, text: string) =>
    kind.toLowerCase() === 'b'
      ? Buffer.from(text, 'base64').toString(charset.toLowerCase() === 'utf-8' ? 'utf8' : 'latin1')
      : text.replace(/_/g, ' ').replace(/=([0-9A-F]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  )
  // Spam often ends its subject in spaces and a tracking code.
  return collapse(decoded.replace(/\[[\w .:/-]{2,40}\]/g, ' ').replace(/\s{4,}\S+\s*$/, ''))
}

function collapse(text: string): string {
  return text
    .replace(/[\u2018\u2019\u0091\u0092]/g, "'")
    .replace(/[\u201c\u201d\u0093\u0094]/g, '"')
    .replace(/[\u2013\u2014\u0096\u0097]/g, '-')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .replace(/([-=_*~#.!+$^<>|])(?:\s?\1){3,}/g, '$1$1$1')
    .trim()
}

function maskPrivate(text: string): string {
  return text
    .replace(/\b(?:https?|ftp):\/{0,2}\S+|\bwww\.\S+/gi, '<url>')
    .replace(/\b[\w.+%-]+@[\w.-]+\b/g, '<email>')
    .replace(/\b[\w-]+\.(?:com|net|org|biz|info|edu|gov)\b(?:\/\S*)?/gi, '<url>')
    .replace(/\+?\(?\d{3}\)?[ .-]?\d{3}[ .-]\d{4}\b/g, '<number>')
    .replace(/\d{5,}/g, '<number>')
    .replace(/<+(<(?:url|email)>)>*/g, '$1')
}
