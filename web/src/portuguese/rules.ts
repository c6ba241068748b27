/* Sentences that the server makes in English, and the Portuguese of each with its values in place. */

/** What a sentence looks like, and its Portuguese with $1, $2 … for what stands in its groups. */
export type Rule = readonly [RegExp, string]

/** Null where no rule knows the sentence. */
export function inPortuguese(text: string, rules: readonly Rule[]): string | null {
  const rule = rules.find(([pattern]) => pattern.test(text))
  return rule === undefined ? null : text.replace(...rule)
}
