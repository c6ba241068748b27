/** What a reader asks of stored answers, as the file that the server reads. Pure. */
import { parse, stringify } from 'yaml'
import { say } from '../../i18n.js'

/** Scorers to begin with, as the file writes them; names and settings are there to be changed. */
export const PRESETS: readonly { name: string; label: () => string; text: string }[] = [
  { name: 'mentions', label: () => say('Mentions texts', 'Menciona textos'), text: '{ type: contains, texts: [refund] }' },
  { name: 'pattern', label: () => say('Matches a pattern', 'Casa com um padrão'), text: "{ type: regex, pattern: '\\d{4}-\\d{2}-\\d{2}' }" },
  { name: 'amount', label: () => say('Is the right number', 'É o número certo'), text: '{ type: numeric, relative: 0.01 }' },
  { name: 'json', label: () => say('Is valid JSON', 'É JSON válido'), text: '{ type: json }' },
  { name: 'brief', label: () => say('Is short', 'É curta'), text: '{ type: length, unit: words, max: 50 }' },
  { name: 'answers', label: () => say('Does not refuse', 'Não recusa'), text: '{ type: no_refusal }' },
  { name: 'private', label: () => say('Has no personal data', 'Não tem dados pessoais'), text: '{ type: no_personal_data }' },
  { name: 'near', label: () => say('Means what the target says', 'Diz o mesmo que o alvo'), text: '{ type: similarity, atLeast: 0.8 }' },
  { name: 'polite', label: () => say('A model judges it', 'Um modelo julga'), text: '\n    type: judge\n    model: { provider: openai, baseUrl: "http://127.0.0.1:11434/v1", model: llama3.2 }\n    rubric: Polite, and to the point.' },
]

export const scorersText = (scorers: unknown): string => (Object.keys(mapping(scorers)).length === 0 ? '' : stringify({ scorers }, { lineWidth: 0 }))

/** The text with one more scorer under a name that is still free. */
export function withPreset(text: string, { name, text: scorer }: { name: string; text: string }): string {
  const taken = new Set(scorerNames(text))
  let free = name
  for (let count = 2; taken.has(free); count++) free = `${name}_${count}`
  const start = text.trim() === '' ? 'scorers:\n' : `${text.trimEnd()}\n`
  return `${start}  ${free}:${scorer.startsWith('\n') ? '' : ' '}${scorer}\n`
}

/** Names of the scorers; none of a text that cannot be read, which the server then says better. */
export function scorerNames(text: string): string[] {
  try {
    return Object.keys(mapping(mapping(parse(text))['scorers']))
  } catch {
    return []
  }
}

/** Lines of the scorers stay where they are, so that the server's line numbers hold. */
export function requestText(text: string, metrics: readonly string[], had: unknown): string {
  const asked = [...metrics, ...scorerNames(text)]
  const scorers = text.trim() === '' && Object.keys(mapping(had)).length > 0 ? 'scorers: {}' : text.trimEnd()
  return `${scorers}${scorers === '' ? '' : '\n'}${asked.length === 0 ? '' : `metrics: ${JSON.stringify(asked)}\n`}`
}

function mapping(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}
