/// <reference lib="dom" />
/* What a reader does with the dashboard, measured. */
import type { BrowserContext, Page } from 'playwright-core'
import type { Assignment, CreatedExperiment } from '../../../server/contracts/index.js'
import { violationsOn } from '../../support/chromium.js'
import { countBytes, type Frames, framesWhile, scriptKb, shiftWhile, untilRead } from './browser.js'
import { SERIES } from './fill.js'

const CHARTS = '[data-testid="chart"]'
const SERIES_PATH = '/api/metrics'
const ZOOMS = 3

export interface Opened {
  /** From the request to the moment when all charts are drawn. */
  drawnMs: number
  firstContentfulMs: number
  wireMb: number
  /** Of each zoom in turn. */
  zooms: Frames[]
  hover: Frames
}

/** A window so tall that all charts are in view: none of them is spared by loading late. */
export async function openCurves(context: BrowserContext, url: string): Promise<Opened> {
  const page = await context.newPage()
  await page.setViewportSize({ width: 1440, height: 3600 })
  const bytes = await countBytes(page)
  await page.goto(`${url}/experiments/curves?curve=*`, { waitUntil: 'commit' })
  const drawnMs = await page.evaluate(([selector, count]) => new Promise<number>((resolve) => {
    const look = (): void => {
      const drawn = [...document.querySelectorAll<HTMLElement>(selector)].filter((chart) => chart.dataset['drawn'] === 'true').length
      if (drawn >= count) requestAnimationFrame(() => resolve(performance.now()))
      else requestAnimationFrame(look)
    }
    look()
  }), [CHARTS, SERIES] as const)
  const firstContentfulMs = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN)
  const wireMb = bytes() / 1e6
  const box = await page.locator(CHARTS).first().boundingBox()
  if (box === null) throw new Error('the first chart has no place on the page')
  const middle = box.y + box.height / 2
  const hover = await framesWhile(page, async () => {
    for (let step = 0; step <= 60; step++) await page.mouse.move(box.x + 60 + (step * (box.width - 90)) / 60, middle)
  })
  const zooms: Frames[] = []
  while (zooms.length < ZOOMS) zooms.push(await zoomAndBack(page, box))
  await page.close()
  return { drawnMs, firstContentfulMs, wireMb, zooms, hover }
}

/** Drags over a fifth of the first chart, which all others follow, and shows all steps again; measured is the way in. */
async function zoomAndBack(page: Page, box: { x: number; y: number; width: number; height: number }): Promise<Frames> {
  const middle = box.y + box.height / 2
  const frames = await framesWhile(page, () =>
    untilRead(page, SERIES_PATH, async () => {
      await page.mouse.move(box.x + box.width * 0.4, middle)
      await page.mouse.down()
      await page.mouse.move(box.x + box.width * 0.6, middle, { steps: 20 })
      await page.mouse.up()
    }),
  )
  await untilRead(page, SERIES_PATH, () => page.getByTestId('zoom-reset').click())
  return frames
}

export async function firstPageKb(context: BrowserContext, url: string): Promise<number> {
  const page = await context.newPage()
  await page.goto(url)
  await page.getByRole('link', { name: 'curves' }).first().waitFor()
  const kb = await scriptKb(page)
  await page.close()
  return kb
}

/** Scrolls a box (or, without one, the page) by the wheel for two seconds. */
export async function scroll(page: Page, box: string | null): Promise<Frames> {
  const place = box === null ? null : await page.locator(box).first().boundingBox()
  await page.mouse.move((place?.x ?? 0) + 200, (place?.y ?? 0) + 200)
  return framesWhile(page, async () => {
    for (let turn = 0; turn < 60; turn++) {
      await page.mouse.wheel(0, 350)
      await page.waitForTimeout(33)
    }
  })
}

export async function scrollSweep(context: BrowserContext, url: string): Promise<Frames> {
  const page = await context.newPage()
  await page.goto(`${url}/experiments/sweep`)
  await page.getByTestId('run-row').first().waitFor()
  await page.getByTestId('run-row').first().scrollIntoViewIfNeeded()
  await page.waitForTimeout(1000)
  const frames = await scroll(page, '.box:has([data-testid="run-row"])')
  await page.close()
  return frames
}

export async function scrollComparison(context: BrowserContext, url: string): Promise<Frames> {
  const page = await context.newPage()
  await page.goto(`${url}/compare?runs=items0,items1`)
  await page.getByText(/n = 100[,.]?000/).first().waitFor({ timeout: 60_000 })
  await page.waitForLoadState('networkidle')
  const frames = await scroll(page, null)
  await page.close()
  return frames
}

/** Opens a run, reports points and an evaluation to it as a worker does, and sums what moves on its page. */
export async function shiftWhileLive(context: BrowserContext, url: string): Promise<number> {
  const send = async <T>(path: string, body: unknown): Promise<T> => {
    const response = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
  const created = await send<CreatedExperiment>('/api/experiments', { name: 'Live', kind: 'lora', dataset: 'spam', fixed: { steps: 1000 } })
  const { runId, attempt } = await send<Assignment>('/api/worker/claim', { worker: 'bench', kinds: ['lora'], waitMs: 10_000 })
  if (runId !== created.runs[0]?.id) throw new Error('another run was waiting')
  const report = async (step: number): Promise<void> => {
    const time = Date.now()
    const points = ['train/loss', 'train/grad_norm', 'train/learning_rate', ...(step % 20 === 0 ? ['eval/loss'] : [])].map((key) => ({ key, step, value: 2 / (1 + step / 50), time }))
    await send(`/api/worker/runs/${runId}/metrics`, { attempt, points })
    await send(`/api/worker/runs/${runId}/heartbeat`, { worker: 'bench', attempt, progress: { done: step, total: 1000, unit: 'steps' } })
  }
  await report(20)
  const page = await context.newPage()
  await page.goto(`${url}/runs/${runId}`)
  await page.locator(CHARTS).first().waitFor()
  await page.waitForLoadState('load')
  await page.waitForTimeout(1500)
  const shift = await shiftWhile(page, async () => {
    for (let step = 21; step <= 80; step++) {
      await report(step)
      await page.waitForTimeout(80)
    }
    await page.waitForTimeout(1500)
  })
  await page.close()
  await send(`/api/worker/runs/${runId}/finish`, { attempt, status: 'cancelled', summary: null })
  return shift
}

export async function violationsOf(context: BrowserContext, url: string): Promise<string[]> {
  const found: string[] = []
  for (const path of ['/', '/experiments/curves', '/experiments/curves?curve=*', '/experiments/sweep', '/runs/curve0', '/compare?runs=items0,items1', '/system']) {
    const page = await context.newPage()
    await page.goto(url + path)
    await page.waitForTimeout(2500)
    found.push(...(await violationsOn(page)).map((violation) => `${path} ${violation}`))
    await page.close()
  }
  return found
}
