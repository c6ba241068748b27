/* Finds experiments: a search as SQL. Values travel as parameters, never within the text. */
import type { ExperimentOrder, SearchRelation, SearchTerm } from '../contracts/index.js'
import type { Session } from './database.js'

export interface ExperimentSearch {
  terms: readonly SearchTerm[]
  order: ExperimentOrder
  limit: number
  offset: number
  /** Only those with a lower number: the page after an experiment, newest first. */
  beforeSeq?: bigint | undefined
}

/** The values of a statement, numbered as they are used. */
class Values {
  readonly list: unknown[] = []

  add(value: unknown, type: string): string {
    this.list.push(value)
    return `$${this.list.length}::${type}`
  }
}

/** Ids of the page asked for, in order, and how many match on all pages. */
export async function searchExperiments(session: Session, search: ExperimentSearch): Promise<{ ids: string[]; total: number }> {
  const values = new Values()
  const conditions = conditionsOf(search.terms, values)
  const where = conditions.join(' AND ')
  const [counted] = await session.$queryRawUnsafe<{ total: number }[]>(`SELECT count(*)::int AS total FROM experiment e WHERE ${where}`, ...values.list)
  const page = search.beforeSeq === undefined ? where : `${where} AND e.seq < ${values.add(search.beforeSeq, 'bigint')}`
  const limits = `LIMIT ${values.add(search.limit, 'int')} OFFSET ${values.add(search.offset, 'int')}`
  const rows = await session.$queryRawUnsafe<{ id: string }[]>(`SELECT e.id FROM experiment e WHERE ${page} ORDER BY ${orderOf(search.order)} ${limits}`, ...values.list)
  return { ids: rows.map((row) => row.id), total: counted?.total ?? 0 }
}

function conditionsOf(terms: readonly SearchTerm[], values: Values): string[] {
  const conditions = [...defaultsOf(terms), 'true']
  const ofRuns: string[] = []
  for (const term of terms) {
    if (!isOfRuns(term)) conditions.push(negated(conditionOf(term, values), term.isNegated))
    else if (term.isNegated) conditions.push(`NOT ${someRun([runCondition(term, values)])}`)
    else ofRuns.push(runCondition(term, values))
  }
  if (ofRuns.length > 0) conditions.push(someRun(ofRuns))
  return conditions
}

/** What is put away stays away unless it is asked for. */
function defaultsOf(terms: readonly SearchTerm[]): string[] {
  const asks = (flag: string): boolean => terms.some((term) => term.on === 'flag' && term.flag === flag && !term.isNegated)
  return [...(asks('deleted') ? [] : ['e.deleted_at IS NULL']), ...(asks('archived') || asks('deleted') ? [] : ['e.archived_at IS NULL'])]
}

const negated = (condition: string, isNegated: boolean): string => (isNegated ? `NOT coalesce(${condition}, false)` : condition)
const someRun = (conditions: readonly string[]): string => `EXISTS (SELECT 1 FROM run r WHERE r.experiment_id = e.id AND ${conditions.join(' AND ')})`

/** % and _ mean themselves in what people type. */
const pattern = (text: string): string => `%${text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)}%`

const FLAGS = { starred: 'e.starred', archived: 'e.archived_at IS NOT NULL', deleted: 'e.deleted_at IS NOT NULL', active: `e.status IN ('queued', 'running')` } as const

type RunTerm = SearchTerm & { on: 'parameter' | 'metric' }
type OwnTerm = Exclude<SearchTerm, RunTerm>

const isOfRuns = (term: SearchTerm): term is RunTerm => term.on === 'parameter' || term.on === 'metric'

function conditionOf(term: OwnTerm, values: Values): string {
  switch (term.on) {
    case 'text':
      return `concat_ws(' ', e.id, e.name, e.dataset, e.kind, e.notes, array_to_string(e.tags, ' ')) ILIKE ${values.add(pattern(term.text), 'text')}`
    case 'flag':
      return FLAGS[term.flag]
    case 'count':
      return `(SELECT count(*) FROM run r WHERE r.experiment_id = e.id) ${sqlOf(term.relation)} ${values.add(term.count, 'int')}`
    case 'created':
      return `(e.created_at AT TIME ZONE 'UTC')::date ${sqlOf(term.relation)} ${values.add(term.day, 'text')}::date`
    case 'field':
      return fieldCondition(term, values)
  }
}

function fieldCondition({ field, relation, text }: Extract<OwnTerm, { on: 'field' }>, values: Values): string {
  if (field === 'tag') {
    if (relation === 'contains') return `array_to_string(e.tags, ' ') ILIKE ${values.add(pattern(text), 'text')}`
    return `${relation === '!=' ? 'NOT ' : ''}${values.add(text, 'text')} = ANY(e.tags)`
  }
  if (relation === 'contains') return `e.${field} ILIKE ${values.add(pattern(text), 'text')}`
  return `e.${field} ${sqlOf(relation)} ${values.add(text, 'text')}`
}

const sqlOf = (relation: SearchRelation): string => (relation === 'contains' ? '=' : relation === '!=' ? '<>' : relation)

function runCondition(term: RunTerm, values: Values): string {
  const name = values.add(term.name, 'text')
  if (term.on === 'metric') {
    // NaN is greater than every number in SQL, and better than none of them.
    const mean = `(r.summary->'metrics'->${name}->>'mean')::float8`
    return `(${mean} <> 'NaN' AND ${mean} ${sqlOf(term.relation)} ${values.add(term.value, 'float8')})`
  }
  const stored = `r.params->${name}`
  const text = `r.params->>${name}`
  if (term.value === null) return `${term.relation === '!=' ? 'NOT ' : ''}coalesce(json_typeof(${stored}), 'null') = 'null'`
  if (typeof term.value === 'number') return `CASE WHEN json_typeof(${stored}) = 'number' THEN (${text})::float8 ${sqlOf(term.relation)} ${values.add(term.value, 'float8')} ELSE ${term.relation === '!=' ? 'true' : 'false'} END`
  if (term.relation === 'contains') return `${text} ILIKE ${values.add(pattern(String(term.value)), 'text')}`
  return `coalesce(${text}, '') ${sqlOf(term.relation)} ${values.add(String(term.value), 'text')}`
}

/** The mean of an experiment's best run, whichever way is better for its metric. */
const BEST = `(SELECT CASE WHEN bool_and((m->>'higherIsBetter')::boolean) THEN max((m->>'mean')::float8) ELSE min((m->>'mean')::float8) END
  FROM (SELECT r.summary->'metrics'->e.primary_metric AS m FROM run r WHERE r.experiment_id = e.id AND r.status = 'succeeded') AS scored WHERE m->>'mean' <> 'NaN')`

const ORDERS: Record<ExperimentOrder['by'], string> = {
  created: 'e.seq',
  name: 'lower(e.name)',
  status: `array_position(ARRAY['running', 'queued', 'failed', 'cancelled', 'succeeded'], e.status)`,
  runs: '(SELECT count(*) FROM run r WHERE r.experiment_id = e.id)',
  best: BEST,
  finished: 'e.finished_at',
}

/** What has no value stands last either way; equals stand newest first. */
function orderOf({ by, isDescending }: ExperimentOrder): string {
  return `${ORDERS[by]} ${isDescending ? 'DESC' : 'ASC'} NULLS LAST, e.seq DESC`
}
