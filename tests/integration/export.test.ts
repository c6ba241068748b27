/** Checkpoints of real runs, exported by the command line for every tool, and read back. */
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readGguf } from '../../workers/engine/formats/gguf.js'
import { openLanguageModel } from '../../workers/engine/generate.js'
import { bancada, type Server } from '../support/bancada.js'
import { Workbench } from '../support/workbench.js'

const nano = fileURLToPath(new URL('../../models/nano-pt-en', import.meta.url))
const short = { steps: 2, batchSize: 2, maxLength: 128, evalEvery: 2, evalLimit: 4, trainLimit: 16, testSplit: null, samples: ['Hi'] }

describe('export', () => {
  let bench: Workbench
  let server: Server
  let [adapter, whole, chained] = ['', '', '']

  beforeAll(async () => {
    bench = await Workbench.open('export')
    server = bench.server
    adapter = await train({ rank: 4, learningRate: 0.01 })
    whole = await train({ method: 'full', learningRate: 0.001 })
    chained = await train({ model: `run:${whole}@2`, rank: 2, useDora: true })
  })
  afterAll(() => bench?.close())

  async function train(fixed: Record<string, unknown>): Promise<string> {
    const { runs: [run] } = await bench.run({ name: 'To export', kind: 'lora', dataset: 'spam', fixed: { ...short, ...fixed } })
    expect(run?.error).toBeNull()
    return run?.id ?? ''
  }

  async function exported(name: string, ...args: string[]): Promise<{ code: number | null; output: string; folder: string }> {
    const folder = join(bench.home, 'out', name)
    await mkdir(join(bench.home, 'out'), { recursive: true })
    return { ...(await bancada(server.url, 'export', ...args, '--out', folder)), folder }
  }

  async function logitsOf(folder: string, adapterFolder?: string): Promise<Float32Array> {
    const model = await openLanguageModel({ folder, ...(adapterFolder === undefined ? {} : { adapter: { folder: adapterFolder } }), threads: 1, device: 'cpu' })
    const logits = await model.logits(model.tokenizer.encode('You have won'))
    await model.close()
    return logits
  }

  it('writes an adapter with what is needed to serve it', async () => {
    const { code, output, folder } = await exported('peft', adapter, '--step', '2')
    expect([code, output]).toEqual([0, expect.stringMatching(/Wrote checkpoint 2 to .*vllm serve nano-pt-en --enable-lora --max-lora-rank 8 /s)])
    expect((await readdir(folder)).sort()).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])
    const readme = await readFile(join(folder, 'README.md'), 'utf8')
    expect(readme).toMatch(new RegExp(`^# To export: .*, step 2\\n\\nTrained with Bancada: run ${adapter} \\(lora on the dataset spam, seed 42\\), base model nano-pt-en\\.`))
    expect(readme).toMatch(/- eval\/loss: \d+\.\d{4}\n/)
  })

  it('merges it into a whole model with the same answers', async () => {
    const { code, output, folder } = await exported('merged', adapter, '--step', '2', '--format', 'merged', '--dtype', 'f32')
    expect(code, output).toBe(0)
    const [wanted, base, merged] = [await logitsOf(nano, join(bench.home, 'out', 'peft')), await logitsOf(nano), await logitsOf(folder)]
    const farthest = (a: Float32Array): number => a.reduce((worst, value, index) => Math.max(worst, Math.abs(value - (merged[index] ?? NaN))), 0)
    expect(farthest(wanted)).toBeLessThan(1e-4)
    expect(farthest(base)).toBeGreaterThan(1e-2)
  })

  it('writes GGUF of model and adapter, and tells where llama.cpp will differ', async () => {
    const model = await exported('gguf', adapter, '--step', '2', '--format', 'gguf', '--dtype', 'q8_0', '--json')
    expect(model.code, model.output).toBe(0)
    expect(JSON.parse(model.output)).toMatchObject({ runId: adapter, step: 2, files: ['README.md', 'nano-pt-en-Q8_0.gguf'], use: ['llama-server -m nano-pt-en-Q8_0.gguf'], notes: [expect.stringContaining('apostrophe')] })
    expect(readGguf(join(model.folder, 'nano-pt-en-Q8_0.gguf')).tensors.get('blk.0.attn_q.weight')?.type).toBe('Q8_0')
    const beside = await exported('gguf-lora', adapter, '--step', '2', '--format', 'gguf-lora')
    expect(beside.code, beside.output).toBe(0)
    expect(readGguf(join(beside.folder, 'nano-pt-en-lora-F32.gguf')).metadata.get('adapter.lora.alpha')?.value).toBe(8)
  })

  it('takes models that were themselves trained here, DoRA merged', async () => {
    const asTrained = await exported('whole', whole, '--step', '2', '--all')
    expect(asTrained.code, asTrained.output).toBe(0)
    expect(await readdir(asTrained.folder)).toEqual(expect.arrayContaining(['README.md', 'config.json', 'model.safetensors', 'optimizer.safetensors', 'tokenizer.json']))
    const merged = await exported('chained', chained, '--step', '2', '--format', 'merged')
    expect(merged.code, merged.output).toBe(0)
    expect((await logitsOf(merged.folder)).length).toBeGreaterThan(0)
    const gguf = await exported('whole-gguf', whole, '--step', '2', '--format', 'gguf')
    expect(gguf.code, gguf.output).toBe(0)
    const dora = await exported('dora', chained, '--step', '2')
    expect(dora.output).toMatch(/Note: vLLM does not serve DoRA adapters; merge it into the model\./)
  })

  it('says what cannot be done, and leaves nothing behind', async () => {
    const refused: [string[], RegExp][] = [
      [[adapter, '--step', '2', '--format', 'merged', '--dtype', 'q8_0'], /--dtype is "q8_0"; with --format merged it can be f32, f16, bf16/],
      [[adapter, '--step', '2', '--format', 'gguf', '--all'], /--all goes with the files as they were trained/],
      [[adapter, '--step', '7'], /has no checkpoint at step 7\. It has: 0, 2\./],
      [[whole, '--step', '2', '--format', 'peft'], /trained whole weights, which is no adapter; use --format merged or gguf/],
    ]
    for (const [args, message] of refused) {
      const { code, output, folder } = await exported('never', ...args)
      expect(output).toMatch(message)
      expect([code, existsSync(folder)]).toEqual([2, false])
    }
    const again = await exported('peft', adapter, '--step', '2')
    expect([again.code, again.output]).toEqual([1, expect.stringMatching(/already exists and is not empty/)])
    expect((await readdir(join(bench.home, 'out'))).filter((name) => name.startsWith('.'))).toEqual([])
    const help = await bancada(server.url, 'export', '--help')
    expect([help.code, help.output]).toEqual([0, expect.stringMatching(/--format F {5}peft .*gguf-lora/s)])
  })
})
