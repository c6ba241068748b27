/* The items of the bench: sums whose right answers the endpoint works out. */
export interface Sum extends Record<string, string> {
  id: string
  input: string
  target: string
}

export function sums(count: number): Sum[] {
  return Array.from({ length: count }, (_, index) => ({ id: `sum-${index}`, input: `What is ${index} + ${index % 97}? Answer with the number alone.`, target: String(index + (index % 97)) }))
}
