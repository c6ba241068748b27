/*
 * A user's own data files as a dataset: a split each, or one file of which some items are kept for training.
 * All columns stay, as variables of templates; the question and its answer also get the names that items have.
 */
import { basename, extname } from 'node:path'
import { stringify } from 'yaml'
import { AppError, type DatasetTask } from '../../../server/contracts/index.js'
import { slug } from '../slug.js'
import { ItemIds, type Place, refuse } from '../source-file.js'
import { chooseColumns, type Columns, isGiven, textIn } from './columns.js'
import { type DataFile, parsed, type Row, rowsOf, textOf } from './rows.js'
import { drawSplits } from './splits.js'
import { asAnswer, asPassage, asQuestion, isSquad, readSquad, type Squad } from './squad.js'

export interface ConvertDataOptions {
  name?: string
  task?: DatasetTask
  columns: Columns
  /** Items of a single file that become the train and the validation split. */
  trainItems: number
  validationItems: number
  /** Of SQuAD's format: what of a document a question must find. */
  passage: 'paragraph' | 'answer'
  /** Leave rows without a question or an answer out, and count them. */
  skipEmpty: boolean
  language?: string
  licence?: string
}

export interface ConvertedData {
  files: { path: string; text: string }[]
  dataset: string
  task: DatasetTask
  /** Items by split. */
  splits: Record<string, number>
  /** What was taken for what, in sentences. */
  notes: string[]
}

type Item = Record<string, unknown> & { id: string }
interface Content {
  task: DatasetTask
  splits: Map<string, Item[]>
  labels?: string[]
  documents?: Squad['documents']
  notes: string[]
}

/** More labels than this are answers and no classes. */
const MOST_LABELS = 30
const ITEMS_PER_LABEL = 5
const LONGEST_LABEL = 60
/** Names of a column that is a text by itself; any other one asks for an answer. */
const TEXT_COLUMNS = new Set(['text', 'texto'])

/** @throws {AppError} `invalid_request` naming file, line, column and mend */
export function convertDataFiles(files: readonly DataFile[], options: ConvertDataOptions): ConvertedData {
  const [first] = files
  if (first === undefined) throw new AppError('invalid_request', 'Nothing was imported: name a data file.')
  const dataset = slug(options.name ?? basename(first.path, extname(first.path)), '-')
  if (dataset === '') throw new AppError('invalid_request', `Nothing was imported: "${options.name ?? first.path}" has no letter or digit for the dataset’s name; give --name.`)
  const content = contentOf(files, options)
  const splits = Object.fromEntries([...content.splits].map(([split, items]) => [split, items.length]))
  const manifest = {
    name: dataset,
    title: options.name ?? basename(first.path, extname(first.path)),
    task: content.task,
    language: options.language ?? 'und',
    licence: options.licence ?? 'not stated',
    source: files.map(({ path }) => basename(path)).join(', '),
    ...(content.labels === undefined ? {} : { labels: content.labels }),
    splits: Object.fromEntries([...content.splits.keys()].map((split) => [split, `${split}.jsonl`])),
    ...(content.documents === undefined ? {} : { documents: 'documents.jsonl' }),
    description: `Imported from ${files.map(({ path }) => basename(path)).join(', ')}.`,
  }
  const place = (file: string): string => `datasets/${dataset}/${file}`
  const written = [...content.splits].map(([split, items]) => ({ path: place(`${split}.jsonl`), text: jsonLines(items) }))
  if (content.documents !== undefined) written.push({ path: place('documents.jsonl'), text: jsonLines(content.documents) })
  // The manifest comes last: a folder without one is no dataset yet.
  return { files: [...written, { path: place('dataset.yaml'), text: stringify(manifest, { lineWidth: 0 }) }], dataset, task: content.task, splits, notes: content.notes }
}

function contentOf(files: readonly DataFile[], options: ConvertDataOptions): Content {
  const read = files.map((file) => ({ path: file.path, text: textOf(file), split: splitOf(file.path, files.length) }))
  const twice = read.find(({ split }, index) => read.findIndex((other) => other.split === split) !== index)
  if (twice !== undefined) throw new AppError('invalid_request', `Nothing was imported: two files are for the split ${twice.split}, the second is ${twice.path}; put them into one.`)
  const squads = read.map(({ path, text }) => (path.endsWith('.json') ? parsed(path, text) : undefined)).map((value) => (isSquad(value) ? value : undefined))
  if (squads.every((value) => value !== undefined)) return fromSquad(read, squads, options)
  return fromRows(new Map(read.map(({ path, text, split }) => [split, rowsOf(path, text)])), options)
}

const SPLIT_WORDS: Readonly<Record<string, string>> = { train: 'train', training: 'train', treino: 'train', validation: 'validation', valid: 'validation', val: 'validation', dev: 'validation', validacao: 'validation', test: 'test', teste: 'test' }

/** By the file's name; a single file without such a word holds the items that are asked. */
function splitOf(path: string, count: number): string {
  const words = basename(path, extname(path)).normalize('NFKD').toLowerCase().split(/[^a-z]+/)
  const word = words.findLast((candidate) => Object.hasOwn(SPLIT_WORDS, candidate))
  if (word !== undefined) return SPLIT_WORDS[word] ?? 'test'
  if (count === 1) return 'test'
  throw new AppError('invalid_request', `Nothing was imported: of several files each is a split, and the name of ${path} tells none; call it train, validation or test.`)
}

function fromSquad(read: readonly { path: string; split: string }[], values: readonly unknown[], options: ConvertDataOptions): Content {
  const titles = new ItemIds()
  const found = read.map(({ path, split }, index) => ({ split, squad: readSquad(values[index], { path }, titles) }))
  const task = options.task ?? 'retrieval'
  if (task !== 'retrieval' && task !== 'generation') throw new AppError('invalid_request', `Nothing was imported: the format of SQuAD becomes a dataset for retrieval or generation, not for ${task}.`)
  const unanswerable = found.reduce((sum, { squad }) => sum + squad.unanswerable, 0)
  const notes = [
    task === 'retrieval'
      ? `Each title is a document. A question is to find ${options.passage === 'answer' ? 'the words of its answer' : 'its whole paragraph, so a chunk shorter than half of that is never a hit; --passage answer asks for the words of the answer alone'}. With --task generation the paragraph is the variable \`context\` of a prompt.`
      : 'The paragraph of a question is the variable `context`; write it into the template.',
    ...(unanswerable > 0 ? [`${unanswerable} question${unanswerable === 1 ? '' : 's'} without an answer ${unanswerable === 1 ? 'is' : 'are'} left out.`] : []),
  ]
  const splits = new Map(found.map(({ split, squad }) => [split, squad.questions.flatMap((question) => (task === 'generation' ? [asQuestion(question)] : options.passage === 'answer' ? asAnswer(question) : [asPassage(question)])) as Item[]]))
  assertItems(splits)
  const unplaced = found.reduce((sum, { squad, split }) => sum + squad.questions.length - (splits.get(split)?.length ?? 0), 0)
  if (unplaced > 0) notes.push(`${unplaced} question${unplaced === 1 ? '' : 's'} left out: no answer stands at its answer_start, word for word.`)
  const documents = task === 'retrieval' ? { documents: found.flatMap(({ squad }) => squad.documents) } : {}
  return { task, notes, ...documents, splits: options.trainItems + options.validationItems > 0 ? drawSplits(splits, options, (item) => String(item['cluster'] ?? item['document'])) : splits }
}

function fromRows(given: ReadonlyMap<string, readonly Row[]>, options: ConvertDataOptions): Content {
  const all = [...given.values()].flat()
  for (const [split, list] of given) if (list.length === 0) throw new AppError('invalid_request', `Nothing was imported: the split ${split} has no rows.`)
  const has = (...names: string[]): boolean => all.some(({ fields }) => names.some((name) => Object.hasOwn(fields, name)))
  if (options.task === 'retrieval') throw new AppError('invalid_request', 'Nothing was imported: a retrieval dataset needs documents with their passages; give a file in the format of SQuAD, or write the dataset by hand (docs/experiment-file.md, "Datasets").')
  if (options.task === 'chat' || (options.task === undefined && has('messages', 'conversations'))) return made('chat', given, options, conversationOf)
  const columns = chooseColumns(all, options.columns)
  const isText = options.task === 'text' || (options.task === undefined && columns.target === undefined && TEXT_COLUMNS.has(columns.input?.trim().toLowerCase() ?? ''))
  if (columns.input === undefined || (!isText && columns.target === undefined)) {
    throw new AppError('invalid_request', `Nothing was imported: no column is known for the ${columns.input === undefined ? 'question' : 'answer'}; there are ${[...new Set(all.flatMap(({ fields }) => Object.keys(fields)))].join(', ')}. Name them: --fields input=COLUMN,target=COLUMN (texts without answers: --task text --fields input=COLUMN)`)
  }
  const { input, target = '' } = columns
  const [rows, leftOut] = options.skipEmpty ? withoutEmpty(given, isText ? [input] : [input, target]) : [given, []]
  if (isText) return { ...made('text', rows, options, (row) => named(row, { text: textIn(row, input) })), notes: leftOut }
  const content = made('generation', rows, options, (row) => named(row, { input: textIn(row, input), target: textIn(row, target), ...(columns.cluster === undefined ? {} : { cluster: textIn(row, columns.cluster) }) }))
  const labels = labelsOf([...content.splits.values()].flat())
  const isClasses = options.task === 'classification' || (options.task === undefined && labels !== null)
  const taken = `"${input}" is taken for the question and "${target}" for the answer; say otherwise with --fields.`
  if (!isClasses) return { ...content, notes: [taken, ...leftOut] }
  const classes = labels ?? [...new Set([...content.splits.values()].flat().map((item) => String(item['target'])))].sort()
  if (classes.length < 2) throw new AppError('invalid_request', `Nothing was imported: "${target}" holds the one value ${JSON.stringify(classes[0])}, and a classification needs two; name another column, or give --task generation.`)
  return { ...content, task: 'classification', labels: classes, notes: [taken, `The ${classes.length} answers ${classes.slice(0, 8).join(', ')}${classes.length > 8 ? ', …' : ''} are taken for labels; with --task generation they are texts.`, ...leftOut] }
}

function conversationOf({ fields, place }: Row): Record<string, unknown> {
  const turns = fields['messages'] ?? fields['conversations']
  if (Array.isArray(turns) && turns.length > 0) return fields
  return refuse(place, 'messages', 'a chat needs a list of turns: "messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]', turns)
}

function withoutEmpty(rows: ReadonlyMap<string, readonly Row[]>, columns: readonly string[]): [Map<string, Row[]>, string[]] {
  const kept = new Map([...rows].map(([split, list]) => [split, list.filter(({ fields }) => columns.every((column) => isGiven(fields[column])))]))
  const count = [...rows].reduce((sum, [split, list]) => sum + list.length - (kept.get(split)?.length ?? 0), 0)
  return [kept, count === 0 ? [] : [`${count} row${count === 1 ? '' : 's'} without ${columns.map((column) => `"${column}"`).join(' or ')} left out.`]]
}

function made(task: DatasetTask, rows: ReadonlyMap<string, readonly Row[]>, options: ConvertDataOptions, itemFrom: (row: Row) => Record<string, unknown>): Content {
  const splits = new Map<string, Item[]>()
  for (const [split, list] of rows) splits.set(split, list.map((row, index) => ({ ...itemFrom(row), id: idOf(row, options.columns, `${split}-${index + 1}`) })))
  assertItems(splits, [...rows.values()].flat())
  const drawn = options.trainItems + options.validationItems > 0 ? drawSplits(splits, options, (item) => String(item['cluster'] ?? item['input'] ?? item['text'] ?? JSON.stringify(item['messages']))) : splits
  return { task, splits: drawn, notes: [] }
}

function idOf(row: Row, { id }: Columns, other: string): string {
  const column = id ?? 'id'
  const value = row.fields[column]
  return id === undefined && (value === undefined || value === null || value === '') ? other : textIn(row, column)
}

/** A column that has one of our names and another meaning keeps its value under `own_NAME`. */
function named({ fields }: Row, own: Record<string, string>): Record<string, unknown> {
  const displaced = Object.entries(own).flatMap(([name, value]) => (fields[name] === undefined || fields[name] === value ? [] : [[`own_${name}`, fields[name]]]))
  return { ...fields, ...Object.fromEntries(displaced), ...own }
}

function labelsOf(items: readonly Item[]): string[] | null {
  const labels = [...new Set(items.map((item) => String(item['target'])))].sort()
  const isFew = labels.length >= 2 && labels.length <= MOST_LABELS && items.length >= labels.length * ITEMS_PER_LABEL
  return isFew && labels.every((label) => label.length <= LONGEST_LABEL && !label.includes('\n')) ? labels : null
}

function assertItems(splits: ReadonlyMap<string, readonly Item[]>, rows: readonly Row[] = []): void {
  const seen = new Map<string, number>()
  for (const [split, items] of splits) if (items.length === 0) throw new AppError('invalid_request', `Nothing was imported: the split ${split} has no items.`)
  for (const [index, { id }] of [...splits.values()].flat().entries()) {
    const before = seen.get(id)
    const row = rows[index]
    if (before !== undefined) return refuse(row?.place ?? { path: 'the file' }, 'id', `the id stands twice, also ${placeOf(rows[before]?.place) ?? `at question ${before + 1}`}; each item has its own: name another column with --fields id=COLUMN`, id)
    seen.set(id, index)
  }
}

function placeOf(place: Place | undefined): string | undefined {
  return place && (place.line === undefined ? `in ${place.path}` : `on line ${place.line} of ${place.path}`)
}

function jsonLines(items: readonly object[]): string {
  return items.map((item) => `${JSON.stringify(item)}\n`).join('')
}
