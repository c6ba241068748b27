/*
 * npm run bench -- NAME [--quick] [--only PART]: runs tests/bench/NAME.ts, prints tables for people and, as the last line,
 * {"bench": NAME, "machine": {...}, "figures": {...}} for programs. Without a name it lists the benches.
 */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { finish, type Bench } from './frame/bench.js'
import { describeMachine } from './frame/machine.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const names = readdirSync(here).flatMap((file) => (file.endsWith('.js') && file !== 'main.js' && !file.endsWith('.test.js') ? [file.slice(0, -'.js'.length)] : []))

async function load(name: string): Promise<Bench> {
  const { bench } = (await import(new URL(`${name}.js`, import.meta.url).href)) as { bench: Bench }
  return bench
}

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } } })
  const [name, ...others] = positionals
  if (name === undefined) {
    console.log('usage: npm run bench -- NAME [--quick] [--only PART]\n')
    for (const known of names) {
      const { about, parts } = await load(known)
      console.log(`  ${known.padEnd(12)} ${about}${parts ? `; parts: ${parts.join(', ')}` : ''}`)
    }
    return 0
  }
  if (!names.includes(name) || others.length > 0) {
    console.error(`there is no bench "${positionals.join(' ')}"; known are ${names.join(', ')}`)
    return 2
  }
  const bench = await load(name)
  const { only } = values
  if (only !== undefined && !bench.parts?.includes(only)) {
    console.error(`the bench "${name}" has no part "${only}"; ${bench.parts ? `known are ${bench.parts.join(', ')}` : 'it runs only as a whole'}`)
    return 2
  }
  const machine = describeMachine()
  console.log(`${name}: ${bench.about}\n${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}, ONNX Runtime ${machine.onnxruntime}`)
  if (machine.loadAverage > 0.5) console.log(`WARNING: the load average is ${machine.loadAverage}; other work runs on this machine and the figures are not to be trusted`)
  const startedMs = performance.now()
  const report = await bench.run({ isQuick: values.quick, includes: (part) => only === undefined || only === part, machine, say: (line) => console.log(line) })
  console.log(`\n${((performance.now() - startedMs) / 1000).toFixed(0)} s in all, load average at the end ${describeMachine().loadAverage}`)
  console.log(finish(name, machine, report))
  return 0
}

process.exitCode = await main()
