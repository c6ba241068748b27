/*
 * Names of runs within a sentence. A name lists the values of the axes ("retriever=bm25, chunkSize=200, k=3"); where runs
 * stand beside each other, only what differs is said. Pure.
 */

const SEPARATOR = ', '

/** The parts that all names have, in the order of the first. */
export function sharedParts(names: readonly string[]): string[] {
  const [first = '', ...others] = names
  if (others.length === 0) return []
  const rest = others.map((name) => new Set(name.split(SEPARATOR)))
  return first.split(SEPARATOR).filter((part) => rest.every((parts) => parts.has(part)))
}

/** The names without what they share; as they are where one of them would be left without a name. */
export function differing<Names extends readonly string[]>(names: readonly [...Names]): { [Place in keyof Names]: string } {
  const shared = new Set(sharedParts(names))
  const short = names.map((name) => name.split(SEPARATOR).filter((part) => !shared.has(part)).join(SEPARATOR))
  return (short.includes('') ? [...names] : short) as { [Place in keyof Names]: string }
}

const LONGEST = 90

/** Within a sentence a name of several parts must hold together, and a prompt must end. */
export function quoted(name: string): string {
  const short = name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name
  return short.includes(SEPARATOR) || short !== name ? `“${short}”` : short
}

/** Names that stand beside each other in a sentence: what differs of each, held together. */
export function toldApart<Names extends readonly string[]>(names: readonly [...Names]): { [Place in keyof Names]: string } {
  return differing(names).map(quoted) as { [Place in keyof Names]: string }
}
