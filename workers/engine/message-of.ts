/** What was thrown, in words; anything can be thrown, not errors alone. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}
