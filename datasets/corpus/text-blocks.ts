/*
 * From the files of the sources to paragraphs of plain text. Regular expressions suffice: the markup is
 * machine-made, and what slips through is dropped by the prose filter.
 */

const DROPPED_ELEMENTS = ['head', 'script', 'style', 'pre', 'code-block', 'screen', 'programlisting', 'noscript', 'nav', 'header', 'footer', 'info', 'table', 'svg']
const BLOCK_TAG = /<\/?(?:p|div|li|ul|ol|dl|dt|dd|h\d|tr|td|th|title|item|steps|section|note|page|list|terms|blockquote|body|html|br|hr|legend|FILENAME)\b[^>]*>/gi
const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ', laquo: '«', raquo: '»', hellip: '...', mdash: '-', ndash: '-', ldquo: '"', rdquo: '"', lsquo: "'", rsquo: "'", eacute: 'é', aacute: 'á', iacute: 'í', oacute: 'ó', uacute: 'ú', atilde: 'ã', otilde: 'õ', acirc: 'â', ecirc: 'ê', ocirc: 'ô', agrave: 'à', ccedil: 'ç', Eacute: 'É', Aacute: 'Á', Iacute: 'Í', Oacute: 'Ó', Uacute: 'Ú', Atilde: 'Ã', Otilde: 'Õ', Agrave: 'À', Ccedil: 'Ç', uuml: 'ü' }

/** HTML, Mallard or DocBook text: one paragraph per block element; listings, tables and heads left out. */
export function markupBlocks(markup: string): string[] {
  let text = markup.replace(/<!--[\s\S]*?-->/g, '')
  for (const element of DROPPED_ELEMENTS) text = text.replace(new RegExp(`<${element}\\b[\\s\\S]*?</${element}\\s*>`, 'gi'), '\u0001')
  text = text.replace(BLOCK_TAG, '\u0001').replace(/<[^>]*>/g, '')
  return text.split('\u0001').map(decodeEntities)
}

/** Plain text, paragraphs parted by blank lines; headings, rules and numbered contents are left to the prose filter. */
export function plainBlocks(text: string): string[] {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/\n[ \t]*\*[ \t]+/g, '\n\n')
    .split(/\n[ \t]*\n/)
    // A paragraph with aligned columns is a table or a listing.
    .filter((block) => !/\S {3,}\S.*\n.*\S {3,}\S/.test(block))
    .map((block) => block.replace(/[`'_](\S+?)['_]/g, '$1'))
}

export interface CatalogueEntry {
  original: string
  translation: string
}

const MO_MAGIC = 0x950412de

/**
 * The entries of a binary gettext catalogue (.mo, little-endian).
 * @throws {Error} when the bytes are no such catalogue.
 */
export function catalogueEntries(bytes: Buffer): CatalogueEntry[] {
  if (bytes.readUInt32LE(0) !== MO_MAGIC) throw new Error('not a little-endian .mo file')
  const count = bytes.readUInt32LE(8)
  const originals = bytes.readUInt32LE(12)
  const translations = bytes.readUInt32LE(16)
  const stringAt = (table: number, index: number): string => {
    const length = bytes.readUInt32LE(table + 8 * index)
    const offset = bytes.readUInt32LE(table + 8 * index + 4)
    // Plural forms are joined by NUL: the first stands for all. A context comes before EOT, or before "^".
    const first = bytes.toString('utf8', offset, offset + length).split('\0')[0] ?? ''
    return (first.split('\u0004').at(-1) ?? '').replace(/^[\w :;,.*'-]{1,60}\^/, '')
  }
  return Array.from({ length: count }, (_, index) => ({ original: stringAt(originals, index), translation: stringAt(translations, index) }))
}

function decodeEntities(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&#x([0-9a-f]+);/gi, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 16)))
    .replace(/&(\w+);/g, (entity, name: string) => ENTITIES[name] ?? entity)
}
