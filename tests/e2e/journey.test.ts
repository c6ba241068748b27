/**
 * A new user's first ten minutes in a real browser: start, watch a run live, compare, pick a
 * checkpoint, export it; and at the end all three shipped examples have ended with results that
 * make sense. This is the longest test of all: it runs the examples whole.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Experiment, type ExperimentPage, fromWire, type Run } from '../../server/contracts/index.js'
import { bancada, type Server, until } from '../support/bancada.js'
import { faultsOf, violationsOn } from '../support/chromium.js'
import { describeWith } from '../support/services.js'
import { Stage } from '../support/stage.js'

describeWith('Chromium', 'the journey of a new user', () => {
  let stage: Stage
  let server: Server
  let page: Page
  let faults: string[]

  beforeAll(async () => {
    stage = await Stage.open({ args: [] })
    server = stage.server
    // axe opens pages of its own, which only a context allows.
    const context = await stage.browser.newContext({ viewport: { width: 1440, height: 900 } })
    page = await context.newPage()
    faults = faultsOf(page)
  })
  afterAll(() => stage?.close())

  async function experimentOf(kind: string): Promise<Experiment> {
    const { experiments } = await server.get<ExperimentPage>('/api/experiments')
    const id = experiments.find((experiment) => experiment.kind === kind)?.id
    if (id === undefined) throw new Error(`no experiment of kind ${kind}`)
    return server.get<Experiment>(`/api/experiments/${id}`)
  }

  async function ended(kind: string): Promise<Experiment> {
    return until(() => experimentOf(kind), ({ status }) => status !== 'queued' && status !== 'running', 900_000)
  }

  async function expectAccessible(): Promise<void> {
    expect(await violationsOn(page)).toEqual([])
  }

  it('finds the examples and sees a run move without reloading', async () => {
    await page.goto(server.url)
    await page.getByRole('link', { name: 'LoRA rank sweep on spam' }).click()
    const row = page.getByTestId('run-row').first()
    await row.getByText('Running').waitFor({ timeout: 300_000 })
    const before = await row.textContent()
    await until(() => row.textContent(), (now) => now !== before)
    await page.getByRole('img', { name: /train\/loss|loss/i }).first().waitFor({ timeout: 300_000 })
    await expectAccessible()
  })

  it('compares the finished ranks, picks a checkpoint and exports it', { timeout: 1_000_000 }, async () => {
    const lora = await ended('lora')
    expect(lora.runs.map((run) => [run.name, run.status, run.error])).toEqual(lora.runs.map((run) => [run.name, 'succeeded', null]))
    await page.getByTestId('compare').click()
    await page.getByText(/n = \d+ paired items/).first().waitFor()
    await expectAccessible()

    const run = lora.runs.at(-1)
    if (!run) throw new Error('no run')
    await page.goto(`${server.url}/runs/${run.id}`)
    await page.getByTestId('recommendation').waitFor()
    const pick = page.getByTestId(`pick-${run.summary?.bestStep}`)
    await pick.click()
    await until(async () => pick.getAttribute('aria-pressed'), (pressed) => pressed === 'true')
    await page.reload()
    await until(async () => pick.getAttribute('aria-pressed'), (pressed) => pressed === 'true')
    expect((await server.get<Run>(`/api/runs/${run.id}`)).pickedStep).toBe(run.summary?.bestStep)
    await expectAccessible()

    const out = join(stage.home, 'adapter')
    const exported = await bancada(server.url, 'export', run.id, '--step', String(run.summary?.bestStep), '--out', out)
    expect(exported.code, exported.output).toBe(0)
    expect(JSON.parse(await readFile(join(out, 'adapter_config.json'), 'utf8'))).toMatchObject({ peft_type: 'LORA', r: run.params['rank'] })
    expect(existsSync(join(out, 'adapter_model.safetensors'))).toBe(true)
  })

  it('ends with examples that teach what they promise', { timeout: 1_800_000 }, async () => {
    const [lora, prompt, rag] = [await ended('lora'), await ended('prompt'), await ended('rag')]
    for (const experiment of [lora, prompt, rag]) {
      expect(experiment.runs.filter((run) => run.status !== 'succeeded').map((run) => [run.name, run.error])).toEqual([])
      for (const run of experiment.runs) expect(run.summary?.metrics[experiment.primaryMetric]).toMatchObject({ n: expect.any(Number), low: expect.any(Number), high: expect.any(Number) })
      const seconds = (Date.parse(experiment.finishedAt ?? '') - Math.min(...experiment.runs.map((run) => Date.parse(run.startedAt ?? '')))) / 1000
      process.stdout.write(`${experiment.name}: ${seconds.toFixed(0)} s\n`)
    }
    const accuracy = (run: Run) => fromWire(run.summary?.metrics['accuracy']?.mean ?? 'NaN')
    // Processors round differently, and training magnifies that: the bound leaves room below the 0.87 seen where this was written.
    expect(Math.max(...lora.runs.map(accuracy))).toBeGreaterThanOrEqual(0.8)
    expect(Math.max(...lora.runs.map((run) => Number(run.summary?.metrics['accuracy']?.low)))).toBeGreaterThan(Math.max(...prompt.runs.map(accuracy)))
    expect(prompt.runs).toHaveLength(10)
    expect(lora.runs.some((run) => typeof run.summary?.overfitStep === 'number')).toBe(true)
    const ndcg = new Set(rag.runs.map((run) => run.summary?.metrics['ndcg']?.mean))
    expect(ndcg.size).toBeGreaterThan(rag.runs.length / 2)
    expect(faults).toEqual([])
  })
})
