import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { KINDS, PARAMETERS_BY_KIND } from '../server/contracts/index.js'
import { METRICS } from './metrics.js'

const text = readFileSync(new URL('../docs/experiment-file.md', import.meta.url), 'utf8')
const sectionOf = (title: string) => text.split(/^#{2,3} /m).find((section) => section.startsWith(title)) ?? ''
const rowsOf = (section: string) => [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)

describe('docs/experiment-file.md', () => {
  it.each(KINDS)('lists the parameters of kind %s, and no others', (kind) => {
    expect(rowsOf(sectionOf(`\`${kind}\``))).toEqual(Object.keys(PARAMETERS_BY_KIND[kind].shape))
  })

  it('lists the metrics, and no others', () => {
    expect(rowsOf(sectionOf('Metrics'))).toEqual(Object.keys(METRICS))
  })
})
