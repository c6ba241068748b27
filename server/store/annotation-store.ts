/* What people say of answers: one annotation per answer and person, the last one said. */
import type { Annotation, AnnotationRequest } from '../contracts/index.js'
import { AppError } from '../contracts/index.js'
import type { Database } from './database.js'
import { storable } from './text.js'

interface AnnotationRow {
  run_id: string
  item_id: string
  annotator: string
  verdict: Annotation['verdict']
  tags: string[]
  comment: string
  updated_at: Date
}

export class AnnotationStore {
  constructor(private readonly database: Database) {}

  /** Takes the place of the verdict, and of tags and comment where they are given, that the person gave before. @throws `not_found` for an answer that is not there */
  async put(request: AnnotationRequest): Promise<void> {
    const { runId, itemId, annotator, verdict, tags, comment } = request
    await this.database.write(async (change) => {
      const [answer] = await change.session.$queryRaw<{ experiment_id: string }[]>`
        SELECT r.experiment_id FROM example e JOIN run r ON r.id = e.run_id WHERE e.run_id = ${runId} AND e.item_id = ${itemId}`
      if (answer === undefined) throw new AppError('not_found', `The run "${runId}" has no answer to the item "${itemId}".`)
      const given = { tags: tags === undefined ? null : [...new Set(tags.map(storable))], comment: comment === undefined ? null : storable(comment) }
      await change.session.$executeRaw`
        INSERT INTO annotation AS kept (run_id, item_id, annotator, verdict, tags, comment)
        VALUES (${runId}, ${itemId}, ${storable(annotator)}, ${verdict}, coalesce(${given.tags}::text[], '{}'), coalesce(${given.comment}::text, ''))
        ON CONFLICT (run_id, item_id, annotator) DO UPDATE
        SET verdict = excluded.verdict, tags = coalesce(${given.tags}::text[], kept.tags), comment = coalesce(${given.comment}::text, kept.comment), updated_at = now()`
      await change.session.$executeRaw`
        DELETE FROM annotation WHERE run_id = ${runId} AND item_id = ${itemId} AND annotator = ${storable(annotator)} AND verdict IS NULL AND tags = '{}' AND comment = ''`
      change.tell('run.annotations', { experimentId: answer.experiment_id, runId })
    })
  }

  /** All annotations of the runs, or those of one item. */
  async list(runIds: readonly string[], itemId: string | null = null): Promise<Annotation[]> {
    const rows = await this.database.client.$queryRawUnsafe<AnnotationRow[]>(
      'SELECT * FROM annotation WHERE run_id = ANY($1::text[]) AND ($2::text IS NULL OR item_id = $2) ORDER BY run_id, item_id, annotator',
      [...runIds], itemId,
    )
    return rows.map((row) => ({ runId: row.run_id, itemId: row.item_id, annotator: row.annotator, verdict: row.verdict, tags: row.tags, comment: row.comment, updatedAt: row.updated_at.toISOString() }))
  }
}
