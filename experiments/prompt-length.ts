/* How long a prompt is, told from its parameters before it is rendered. */
import { NamedPromptSchema, type ParameterValue, RetrieveSchema } from '../server/contracts/index.js'

/** English and Portuguese subword tokenizers take about four characters a token. */
export const CHARACTERS_PER_TOKEN = 4

/** Null where it has several steps, or turns with templates of their own: what those write is not foreseen. */
export function promptCharacters(params: Readonly<Record<string, ParameterValue>>, itemCharacters: number | undefined): number | null {
  const chained = Array.isArray(params['chain']) ? params['chain'].length : 0
  const named = NamedPromptSchema.safeParse(params['prompt'])
  const template = named.success ? named.data.template : params['template']
  if (itemCharacters === undefined || chained > 0 || params['messages'] !== undefined || template === undefined) return null
  const retrieve = RetrieveSchema.safeParse(params['retrieve'])
  const found = retrieve.success ? retrieve.data.k * retrieve.data.chunkSize : 0
  return String(params['system'] ?? '').length + (Number(params['shots']) + 1) * (String(template ?? '').length + itemCharacters + found)
}
