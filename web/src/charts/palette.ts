/** A run's colour and dash follow from the slot stored with it: 6 hues × 3 dashes, the same in every chart. */

const HUES = 6

export const runColor = (slot: number): string => `var(--run-${slot % HUES})`

const group = (slot: number): number => Math.floor(slot / HUES) % 3

export const runStyle = (slot: number): 'solid' | 'dashed' | 'dotted' => (['solid', 'dashed', 'dotted'] as const)[group(slot)] ?? 'solid'

/** Canvas dashes. Training lines carry the run's own dash; validation lines are always dashed, with a dot at each evaluation. */
export function runDash(slot: number, role: 'train' | 'eval'): number[] {
  const train = [[], [9, 3], [2, 2]][group(slot)] ?? []
  const evaluation = [[6, 4], [9, 3, 2, 3], [2, 4]][group(slot)] ?? [6, 4]
  return role === 'train' ? train : evaluation
}

/** The build shortens #000000 to #000, to which no alpha can be appended. */
const expand = (color: string): string => (/^#[0-9a-f]{3}$/i.test(color) ? `#${[...color.slice(1)].map((digit) => digit + digit).join('')}` : color)

const read = new Map<string, string>()

/** Canvas cannot read `var()`: the colour as the theme on show defines it, in six digits. Asking the page for it makes it compute its styles, so each theme is asked once. */
export function themeColor(name: string): string {
  const root = document.documentElement
  const key = `${root.dataset['theme']} ${name}`
  const known = read.get(key)
  if (known !== undefined) return known
  const color = expand(getComputedStyle(root).getPropertyValue(name).trim())
  if (color !== '') read.set(key, color)
  return color
}

export const canvasRunColor = (slot: number): string => themeColor(`--run-${slot % HUES}`)
