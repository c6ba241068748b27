/** The analyst's question, in two clicks from the start page: which checkpoint to keep, and why. Runs are reported as a worker does, none is trained. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packFloats, type Assignment } from '../../server/contracts/index.js'
import type { Server } from '../support/bancada.js'
import { faultsOf, violationsOn } from '../support/chromium.js'
import { describeWith } from '../support/services.js'
import { Stage } from '../support/stage.js'

/** Falls, then rises beyond noise. */
const LOSSES = [1.5, 1.0, 0.7, 0.9, 1.1]
const ITEMS = 40

describeWith('Chromium', 'overfitting curves', () => {
  let stage: Stage
  let server: Server
  let page: Page
  let faults: string[]

  beforeAll(async () => {
    stage = await Stage.open()
    server = stage.server
    await server.post('/api/experiments', { name: 'Ranks', kind: 'lora', dataset: 'spam', axes: { rank: [4, 8] }, fixed: { steps: 50 } })
    for (const shift of [0, 0.05]) await train(shift)
    page = await (await stage.browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
    faults = faultsOf(page)
  })
  afterAll(() => stage?.close())

  async function train(shift: number): Promise<void> {
    const { runId, attempt } = await server.post<Assignment>('/api/worker/claim', { worker: 'tester', kinds: ['lora'], waitMs: 10_000 })
    const at = `/api/worker/runs/${runId}`
    const time = Date.now()
    const points = Array.from({ length: 50 }, (_, index) => [
      { key: 'train/loss', step: index + 1, value: 1.6 / (1 + index / 8) + shift, time: time + index },
      { key: 'train/num_tokens', step: index + 1, value: (index + 1) * 64, time: time + index },
    ]).flat()
    await server.post(`${at}/metrics`, { attempt, points: [...points, ...LOSSES.map((loss, index) => ({ key: 'eval/loss', step: (index + 1) * 10, value: loss + shift, time }))] })
    for (const [index, loss] of LOSSES.entries()) {
      const step = (index + 1) * 10
      const bytes = Buffer.from(`${runId} ${step}`)
      await fetch(`${server.url}${at}/checkpoints/${step}/files/adapter.bin?attempt=${attempt}`, { method: 'PUT', body: bytes })
      const losses = Array.from({ length: ITEMS }, (_, item) => ({ itemId: `item-${item}`, loss: loss + shift + ((item % 5) - 2) / 50, tokens: 3 }))
      // All of the rise lies on the first of its three tokens.
      const tokenLosses = [{ itemId: 'item-2', step, losses: packFloats(Float32Array.of(3 * (loss + shift) - 1, 0.75, 0.25)) }]
      const itemTokens = index > 0 ? [] : [{ itemId: 'item-2', texts: ['You won! Label:', ' spam', '.', '\n'], counted: [false, true, true, true] }]
      const samples = [{ step, index: 0, prompt: 'You won!', output: index < 3 ? ' spam' : ' ham', expected: ' spam' }]
      await server.post(`${at}/checkpoints/${step}`, { attempt, metrics: { 'eval/loss': loss + shift }, samples, losses, itemTokens, tokenLosses, files: [{ name: 'adapter.bin', sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }] })
    }
    const summary = { metrics: {}, primaryMetric: 'loss', latency: null, tokensIn: null, tokensOut: null, costUsd: null, durationMs: 1 }
    await server.post(`${at}/finish`, { attempt, status: 'succeeded', summary })
  }

  it('says which checkpoint to keep and how sure that is, two clicks from the start', async () => {
    await page.goto(server.url)
    await page.getByRole('link', { name: 'Ranks' }).click()
    await page.getByTestId('run-row').first().getByRole('link').click()
    const words = page.getByTestId('recommendation')
    await words.getByText('Paired over the 40 validation items').waitFor()
    expect(await words.textContent()).toMatch(/Best checkpoint: step 30: lowest validation loss 0\.700; later checkpoints are worse by 0\.200 to 0\.400\. Overfitting from step 40: .* 2 of 2 later checkpoints are worse beyond noise\./)
    await page.getByText('it rises on 40 items and falls on 0').waitFor()
    const answers = page.getByLabel('step 50', { exact: true })
    await answers.getByText('ham').waitFor()
    await page.getByRole('slider', { name: 'Checkpoint' }).press('ArrowLeft')
    expect(new URL(page.url()).searchParams.get('step')).toBe('40')
    await page.getByLabel('step 30 (best)', { exact: true }).getByText('spam').waitFor()
    expect(await violationsOn(page)).toEqual([])
  })

  it('shows at which tokens an item rises, by keyboard too', async () => {
    await page.getByRole('button', { name: 'item-2', exact: true }).click()
    await page.getByText('From step 30 to step 50 the loss of this item rises by 1.200 nats over its 3 tokens, most of all at “spam” (+1.200).').waitFor()
    await page.getByRole('button', { name: /^“ spam”, token 1 of 3: 1\.100 nats at step 30 .*, 2\.300 nats at step 50 .*, change \+1\.200$/ }).focus()
    await page.keyboard.press('End')
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toMatch(/^“↵”, token 3 of 3: .* change 0$/)
    await page.getByRole('button', { name: 'Loss instead of change' }).click()
    expect(new URL(page.url()).searchParams.get('tokens-by')).toBe('loss')
    expect(await violationsOn(page)).toEqual([])
  })

  it('gives a chart as a picture, in both forms', async () => {
    await page.getByText('Data and picture').first().click()
    const saved = async (button: string): Promise<{ name: string; bytes: Buffer }> => {
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: button }).first().click()])
      return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) }
    }
    const svg = await saved('Download SVG')
    expect(svg.name).toMatch(/\.svg$/)
    expect(svg.bytes.toString()).toMatch(/^<svg [\s\S]*Loss[\s\S]*<\/svg>$/)
    const png = await saved('Download PNG')
    expect([png.name.slice(-4), png.bytes.subarray(1, 4).toString()]).toEqual(['.png', 'PNG'])
  })

  it('keeps the view of the curves in the address, and zooms by dragging', async () => {
    await page.getByRole('link', { name: 'Ranks' }).first().click()
    await page.getByRole('combobox', { name: 'x axis', exact: true }).selectOption('tokens')
    const chart = page.getByRole('img', { name: /by tokens read, 4 lines/ })
    await chart.waitFor()
    await chart.scrollIntoViewIfNeeded()
    const box = await chart.boundingBox()
    if (box === null) throw new Error('the chart has no place on the page')
    await page.mouse.move(box.x + box.width * 0.4, box.y + 100)
    await page.mouse.down()
    await page.mouse.move(box.x + box.width * 0.7, box.y + 100, { steps: 5 })
    await page.mouse.up()
    await page.getByTestId('zoom-reset').waitFor()
    const query = new URL(page.url()).searchParams
    expect(query.get('across')).toBe('tokens')
    expect([Number(query.get('from')), Number(query.get('to'))].map((step) => step > 10 && step < 45)).toEqual([true, true])
    await page.reload()
    await page.getByTestId('zoom-reset').click()
    expect(new URL(page.url()).searchParams.has('from')).toBe(false)
    expect(faults).toEqual([])
  })
})
