/*
 * npm run bench -- NAME [--quick] [--only PART]: runs tests/bench/NAME.ts, prints tables for people and, as the last line,
 * {"bench": NAME, "machine": {...}, "figures": {...}} for programs. Without a name it tells its options and lists the benches.
 */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ArgumentError, type BenchArguments, parseBenchArguments, USAGE } from './frame/arguments.js'
import { finish, type Bench } from './frame/bench.js'
import { describeMachine } from './frame/machine.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const names = readdirSync(here).flatMap((file) => (file.endsWith('.js') && file !== 'main.js' && !file.endsWith('.test.js') ? [file.slice(0, -'.js'.length)] : []))

async function load(name: string): Promise<Bench> {
  const { bench } = (await import(new URL(`${name}.js`, import.meta.url).href)) as { bench: Bench }
  return bench
}

async function listBenches(): Promise<void> {
  console.log(USAGE)
  for (const name of names) {
    const { about, parts } = await load(name)
    console.log(`  ${name.padEnd(12)} ${about}${parts ? `; parts: ${parts.join(', ')}` : ''}`)
  }
}

/** @throws ArgumentError where there is no such bench, or it has no such part */
async function choose(name: string, only: string | null): Promise<Bench> {
  if (!names.includes(name)) throw new ArgumentError(`there is no bench "${name}"; known are ${names.join(', ')}`)
  const bench = await load(name)
  if (only !== null && !bench.parts?.includes(only)) {
    throw new ArgumentError(`the bench "${name}" has no part "${only}"; ${bench.parts ? `known are ${bench.parts.join(', ')}` : 'it runs only as a whole'}`)
  }
  return bench
}

async function main({ name, isQuick, only }: BenchArguments): Promise<void> {
  if (name === null) return listBenches()
  const bench = await choose(name, only)
  const machine = describeMachine()
  console.log(`${name}: ${bench.about}\n${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}, ONNX Runtime ${machine.onnxruntime}`)
  if (machine.loadAverage > 0.5) console.log(`WARNING: the load average is ${machine.loadAverage}; other work runs on this machine and the figures are not to be trusted`)
  const startedMs = performance.now()
  const report = await bench.run({ isQuick, includes: (part) => only === null || only === part, machine, say: (line) => console.log(line) })
  console.log(`\n${((performance.now() - startedMs) / 1000).toFixed(0)} s in all, load average at the end ${describeMachine().loadAverage}`)
  console.log(finish(name, machine, report))
}

try {
  await main(parseBenchArguments(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error
  console.error(`bench: ${error.message}. See: npm run bench -- --help`)
  process.exitCode = 2
}
