// The one error of the engine. `code` is for programs, `message` for people: what happened,
// which value, what to do. `details` holds the numbers the message names.

export type EngineErrorCode =
  | 'file_unreadable'
  | 'weights_invalid'
  | 'weights_missing'
  | 'config_invalid'
  | 'tokenizer_invalid'
  | 'template_invalid'
  | 'adapter_invalid'
  | 'context_exceeded'
  | 'input_invalid'
  | 'graph_invalid'
  | 'device_missing'
  | 'device_failed'
  | 'device_limit'
  | 'package_missing'
  | 'loss_not_finite'
  | 'checkpoint_invalid'

export class EngineError extends Error {
  readonly code: EngineErrorCode
  readonly details: Record<string, unknown>

  constructor(code: EngineErrorCode, message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'EngineError'
    this.code = code
    this.details = details
  }
}

const LONGEST_SHOWN = 200

/** A value as messages quote it: JSON, cut where it is long; a file may hold anything, nested to any depth. */
export function shown(value: unknown): string {
  let text: string
  try {
    text = JSON.stringify(value) ?? String(value)
  } catch {
    // JSON.stringify recurses and overflows the stack on deep nesting that JSON.parse read.
    return Array.isArray(value) ? 'a deeply nested list' : 'a deeply nested object'
  }
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}… (${text.length} characters)`
}
