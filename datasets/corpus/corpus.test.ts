import { describe, expect, it } from 'vitest'
import { isProse, normaliseText, packDocuments } from './prose.js'
import { PACKAGE_SOURCES } from './sources.js'
import { catalogueEntries, markupBlocks, plainBlocks } from './text-blocks.js'

const PORTUGUESE = 'O sistema de arquivos guarda os dados do usuário, e o kernel não precisa saber onde eles estão.'
const ENGLISH = 'The file system keeps the data of the user, and the kernel does not need to know where they are.'

describe('markupBlocks', () => {
  it('gives one paragraph per block element, without listings, tables and heads', () => {
    const html = '<html><head><title>T</title></head><body><p>Uma <em>linha</em> &amp; mais.</p><pre>ls -l</pre><table><tr><td>x</td></tr></table><li>S&eacute;culo &#231;</li></body></html>'
    expect(markupBlocks(html).map(normaliseText).filter((text) => text !== '')).toEqual(['Uma linha & mais.', 'Século ç'])
  })
})

describe('plainBlocks', () => {
  it('parts at blank lines and at list marks, and leaves columns out', () => {
    expect(plainBlocks('Um\nparágrafo.\n\n  * Item a\n  * Item b\n\na     b\nc     d\n').map(normaliseText)).toEqual(['Um parágrafo.', 'Item a', 'Item b'])
  })
})

describe('catalogueEntries', () => {
  function moFile(entries: Array<[string, string]>): Buffer {
    const strings = [...entries.map(([original]) => original), ...entries.map(([, translation]) => translation)].map((text) => Buffer.from(text))
    const header = Buffer.alloc(28 + 16 * entries.length)
    header.writeUInt32LE(0x950412de, 0)
    header.writeUInt32LE(entries.length, 8)
    header.writeUInt32LE(28, 12)
    header.writeUInt32LE(28 + 8 * entries.length, 16)
    let offset = header.length
    strings.forEach((bytes, index) => {
      header.writeUInt32LE(bytes.length, 28 + 8 * index)
      header.writeUInt32LE(offset, 32 + 8 * index)
      offset += bytes.length + 1
    })
    return Buffer.concat([header, ...strings.map((bytes) => Buffer.concat([bytes, Buffer.from([0])]))])
  }

  it('reads originals and translations, context dropped, the first plural form taken', () => {
    const file = moFile([['menu\u0004Open', 'Abrir'], ['one orc\0%d orcs', 'um orc\0%d orcs'], ['female^Mage', 'Maga']])
    expect(catalogueEntries(file)).toEqual([
      { original: 'Open', translation: 'Abrir' },
      { original: 'one orc', translation: 'um orc' },
      { original: 'Mage', translation: 'Maga' },
    ])
  })

  it('refuses other files', () => {
    expect(() => catalogueEntries(Buffer.alloc(28))).toThrow('not a little-endian .mo file')
  })
})

describe('isProse', () => {
  it('takes running text of its language alone', () => {
    expect(isProse(PORTUGUESE, 'pt')).toBe(true)
    expect(isProse(ENGLISH, 'en')).toBe(true)
    expect(isProse(PORTUGUESE, 'en')).toBe(false)
    expect(isProse(ENGLISH, 'pt')).toBe(false)
  })

  it.each([
    ['short text', 'Abra o menu.'],
    ['a heading', PORTUGUESE.slice(0, -1)],
    ['a path', 'O arquivo de configuração do sistema fica em /etc/apt/sources e pode ser mudado por você.'],
    ['a licence notice', 'É concedida permissão para copiar este documento sob os termos da Licença de Documentação Livre GNU.'],
  ])('leaves out %s', (_case, text) => {
    expect(isProse(text, 'pt')).toBe(false)
  })
})

describe('packDocuments', () => {
  it('keeps order and loses nothing, and cuts a long paragraph at sentences', () => {
    const long = Array.from({ length: 100 }, (_, index) => `Sentence ${index} of the long paragraph stands here for a while.`).join(' ')
    const documents = packDocuments(['First.', long, 'Last.'])
    expect(documents.length).toBeGreaterThan(2)
    expect(documents.every((document) => document.length <= 3000)).toBe(true)
    expect(documents.join(' ').replaceAll('\n', ' ')).toBe(`First. ${long} Last.`)
  })
})

describe('the sources', () => {
  it('are pinned, each with a licence', () => {
    for (const source of PACKAGE_SOURCES) {
      expect(source.sha256, source.id).toMatch(/^[0-9a-f]{64}$/)
      expect(source.licence, source.id).not.toBe('')
    }
    expect(new Set(PACKAGE_SOURCES.map(({ id }) => id)).size).toBe(PACKAGE_SOURCES.length)
  })
})
