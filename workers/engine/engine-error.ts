/** A mistake the user can mend: names the field or file, the value found, and what to do. */
export class EngineError extends Error {
  override readonly name = 'EngineError'
}
